//! The bank: what it does, each act in one transaction with all that it will say about it.

mod accounts;
mod create;
mod create_many;
mod deliveries;
mod giving_back;
mod lists;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use secrecy::SecretString;
use tokio::{runtime::Handle, sync::Notify};

pub use accounts::Fault;
pub use create::{Creation, KeyReused};
pub use giving_back::RefundOrder;

use self::create_many::CreateMany;
use super::{
    error::SandboxError,
    model::{Account, Act, BankPayment, Method, RuleError},
    repo,
    webhook::{BadSecret, Keys, NewEvent},
};
use crate::{
    kernel::{clock, ids::PaymentId},
    platform::{
        batching::{Batcher, Limits},
        lookout::Lookout,
        postgres::{Connection, Database},
    },
};

/// How many ended holds are released in one go.
const EXPIRY_BATCH: i64 = 500;

/// The simulated bank. Clones are the same bank.
#[derive(Clone)]
pub struct SandboxBank {
    database: Database,
    keys: Keys,
    webhook_url: Arc<str>,
    /// Something is to be said.
    news: Arc<Notify>,
    makings: Batcher<CreateMany>,
}

impl SandboxBank {
    /// A bank in this database that signs with `secrets` (`whsec_…`) what it sends to
    /// `webhook_url`. What it writes in batches is written on `runtime`.
    ///
    /// # Errors
    /// When there is no secret, or one is out of form.
    pub fn new(
        database: Database,
        secrets: &[SecretString],
        webhook_url: &str,
        runtime: &Handle,
    ) -> Result<Self, BadSecret> {
        let keys = Keys::new(secrets)?;
        let making = CreateMany::new(database.clone());
        let makings = Batcher::start("sandbox_payments", making, Limits::default(), runtime);
        let (webhook_url, news) = (webhook_url.into(), Arc::default());
        Ok(Self { database, keys, webhook_url, news, makings })
    }

    /// Pays with this method. A decline is no error: it is said by webhook.
    pub async fn confirm(&self, id: &str, method: &Method) -> Result<BankPayment, SandboxError> {
        let rule = |payment: &mut BankPayment, account: Option<&mut Account>, now| {
            payment.confirm(method, account, now)
        };
        self.act(id, Some(method), rule).await.map(|(payment, _)| payment)
    }

    /// Takes the money that is set aside for this payment.
    pub async fn capture(&self, id: &str) -> Result<BankPayment, SandboxError> {
        self.act(id, None, BankPayment::capture).await.map(|(payment, _)| payment)
    }

    /// Makes sure that nothing more is captured; tells where the payment ended.
    pub async fn cancel(&self, id: &str) -> Result<BankPayment, SandboxError> {
        self.act(id, None, BankPayment::cancel).await.map(|(payment, _)| payment)
    }

    /// Ends a hold before its time.
    pub async fn expire(&self, id: &str) -> Result<BankPayment, SandboxError> {
        self.act(id, None, BankPayment::expire).await.map(|(payment, _)| payment)
    }

    /// What the bank knows of a payment.
    pub async fn retrieve(&self, id: &str) -> Result<BankPayment, SandboxError> {
        let id = payment_id(id)?;
        let mut conn = self.database.conn().await?;
        repo::load_payment(&mut conn, id).await?.ok_or(SandboxError::NoPayment)
    }

    /// Payments that carry our id, oldest first, after the one named.
    pub async fn find(
        &self,
        payment_id: PaymentId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<BankPayment>, SandboxError> {
        let mut conn = self.database.conn().await?;
        Ok(repo::list_payments(&mut conn, payment_id, after, limit).await?)
    }

    /// Cancels authorized payments whose hold has ended by `now`; returns how many there were.
    pub async fn release_expired_holds(&self, now: DateTime<Utc>) -> Result<usize, SandboxError> {
        let mut conn = self.database.conn().await?;
        let expired = repo::expired_holds(&mut conn, now, EXPIRY_BATCH).await?;
        drop(conn);
        for id in &expired {
            match self.cancel(id).await {
                // captured meanwhile: then nothing was changed
                Ok(_) => {}
                // one that cannot be released must not keep the others
                Err(SandboxError::Rule(error)) => {
                    tracing::error!(provider_payment_id = id, %error, "a hold cannot be released");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(expired.len())
    }

    /// Locks the payment and its account, lets `rule` act on them, and stores what comes of it.
    async fn act<F>(
        &self,
        id: &str,
        method: Option<&Method>,
        rule: F,
    ) -> Result<(BankPayment, Act), SandboxError>
    where
        F: Fn(&mut BankPayment, Option<&mut Account>, DateTime<Utc>) -> Result<Act, RuleError>
            + Send
            + Sync,
    {
        let (id, rule) = (payment_id(id)?, &rule);
        let mut conn = self.database.conn().await?;
        let done = conn.transaction(async |conn| -> Result<_, SandboxError> {
            let found = repo::lock_payment(conn, id).await?;
            let mut payment = found.ok_or(SandboxError::NoPayment)?;
            let number = method.map_or(payment.account_number.as_deref(), Method::account_number);
            let mut account = lock_account(conn, number).await?;
            let now = clock::now();
            let act = rule(&mut payment, account.as_mut(), now)?;
            repo::save_payment(conn, &payment).await?;
            store(conn, &act, &payment, account.as_ref(), now).await?;
            Ok((payment, act))
        });
        let (payment, act) = done.await?;
        drop(conn);
        if !act.notices.is_empty() {
            self.wake();
        }
        Ok((payment, act))
    }

    /// Has the bank told of events that are due without its doing.
    pub fn watch(&self, lookout: &mut Lookout) {
        lookout.ring(&self.news, repo::EVENTS_DUE);
    }

    pub(super) fn wake(&self) {
        self.news.notify_one();
    }

    pub(super) async fn woken(&self) {
        self.news.notified().await;
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(super) fn webhook_url(&self) -> &str {
        &self.webhook_url
    }
}

/// The account that is paid from, locked.
async fn lock_account(
    conn: &mut Connection,
    number: Option<&str>,
) -> Result<Option<Account>, SandboxError> {
    let Some(number) = number else { return Ok(None) };
    let account = repo::lock_account(conn, number).await?;
    account.map(Some).ok_or(SandboxError::NoAccount)
}

/// Stores what an act did beside the payment itself.
async fn store(
    conn: &mut Connection,
    act: &Act,
    payment: &BankPayment,
    account: Option<&Account>,
    now: DateTime<Utc>,
) -> Result<(), SandboxError> {
    if let Some(account) = account.filter(|_| !act.entries.is_empty()) {
        repo::save_account(conn, account, now).await?;
        let number = &account.account_number;
        repo::insert_entries(conn, number, Some(&payment.id), &act.entries, now).await?;
    }
    if let Some(refund) = &act.refund {
        repo::insert_refund(conn, refund).await?;
    }
    if let Some(dispute) = &act.dispute {
        repo::save_dispute(conn, dispute).await?;
    }
    let events = NewEvent::of(act, payment, now);
    repo::insert_events(conn, &events.iter().collect::<Vec<_>>()).await?;
    Ok(())
}

/// What has not the form of a payment id cannot be one.
fn payment_id(id: &str) -> Result<&str, SandboxError> {
    let digits = id.strip_prefix("sbx_").unwrap_or_default();
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if digits.len() == 32 && digits.bytes().all(hex) {
        return Ok(id);
    }
    Err(SandboxError::NoPayment)
}
