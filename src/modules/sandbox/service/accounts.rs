//! Accounts and planned faults.

use diesel_async::AsyncConnection;
use rand::RngExt;

use super::SandboxBank;
use crate::{
    kernel::{clock, money::Money},
    modules::sandbox::{
        error::SandboxError,
        model::{Account, account_number},
        repo::{self, AccountTransaction, FaultKind, Operation},
    },
};

/// A fault to be planned.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub operation: Operation,
    pub kind: FaultKind,
    pub times: i32,
    pub delay_ms: i32,
}

impl SandboxBank {
    /// Opens an account with this much in it.
    pub async fn open_account(
        &self,
        owner_name: &str,
        deposit: Money,
    ) -> Result<Account, SandboxError> {
        let mut conn = self.database.conn().await?;
        loop {
            let account = new_account(owner_name, deposit);
            let opened = conn.transaction(async |conn| -> Result<_, SandboxError> {
                if !repo::insert_account(conn, &account).await? {
                    return Ok(false);
                }
                let number = &account.account_number;
                let entries = [account.opening()];
                repo::insert_entries(conn, number, None, &entries, account.created_at).await?;
                Ok(true)
            });
            // a number that is taken: draw another one
            if opened.await? {
                return Ok(account);
            }
        }
    }

    pub async fn account(&self, number: &str) -> Result<Account, SandboxError> {
        let number = account_number(number).ok_or(SandboxError::NoAccount)?;
        let mut conn = self.database.conn().await?;
        repo::load_account(&mut conn, number).await?.ok_or(SandboxError::NoAccount)
    }

    /// The lines of the statement after the one named, oldest first.
    pub async fn transactions(
        &self,
        number: &str,
        after: i64,
        limit: i64,
    ) -> Result<Vec<AccountTransaction>, SandboxError> {
        self.account(number).await?;
        let mut conn = self.database.conn().await?;
        Ok(repo::list_transactions(&mut conn, number, after, limit).await?)
    }

    /// Plans a fault; every replica honours it.
    pub async fn plan_fault(&self, fault: Fault) -> Result<i64, SandboxError> {
        let Fault { operation, kind, times, delay_ms } = fault;
        let mut conn = self.database.conn().await?;
        let now = clock::now();
        Ok(repo::insert_fault(&mut conn, operation, kind, times, delay_ms, now).await?)
    }

    /// The fault that is due for this operation, used up by this call.
    pub async fn take_fault(
        &self,
        operation: Operation,
    ) -> Result<Option<(FaultKind, i32)>, SandboxError> {
        let mut conn = self.database.conn().await?;
        Ok(repo::take_fault(&mut conn, operation).await?)
    }
}

fn new_account(owner_name: &str, deposit: Money) -> Account {
    let now = clock::now();
    Account {
        account_number: format!("{:012}", rand::rng().random_range(0..1_000_000_000_000_u64)),
        owner_name: owner_name.to_owned(),
        currency: deposit.currency,
        balance_minor: deposit.minor,
        held_minor: 0,
        created_at: now,
        updated_at: now,
    }
}
