//! Refunds and disputes.

use diesel_async::AsyncConnection;

use super::{KeyReused, SandboxBank, lock_account, payment_id, store};
use crate::{
    kernel::{clock, ids::RefundId},
    modules::sandbox::{
        error::SandboxError,
        model::{BankDispute, BankPayment, BankRefund, Outcome},
        repo,
    },
    platform::postgres::Connection,
};

/// More refunds than a payment ever has.
const ALL: i64 = 10_000;

/// What is to be given back.
#[derive(Debug, Clone, Copy)]
pub struct RefundOrder<'a> {
    /// The merchant's, for the metadata.
    pub refund_id: Option<RefundId>,
    /// All that is left unless told.
    pub amount_minor: Option<i64>,
    /// Once for each key; without one, each time.
    pub idempotency_key: Option<&'a str>,
}

impl SandboxBank {
    /// Gives money back.
    pub async fn refund(
        &self,
        id: &str,
        order: RefundOrder<'_>,
    ) -> Result<BankRefund, SandboxError> {
        let id = payment_id(id)?;
        let mut conn = self.database.conn().await?;
        let done = conn.transaction(async |conn| -> Result<_, SandboxError> {
            let found = repo::lock_payment(conn, id).await?;
            let mut payment = found.ok_or(SandboxError::NoPayment)?;
            if let Some(first) = known(conn, &payment, order).await? {
                return Ok((first, false));
            }
            let mut account = lock_account(conn, payment.account_number.as_deref()).await?;
            let now = clock::now();
            let left = payment.captured_minor - payment.refunded_minor;
            let amount = order.amount_minor.unwrap_or(left);
            let refund = payment.new_refund(order.refund_id, amount, order.idempotency_key, now);
            let act = payment.refund(refund.clone(), account.as_mut(), now)?;
            repo::save_payment(conn, &payment).await?;
            store(conn, &act, &payment, account.as_ref(), now).await?;
            Ok((refund, true))
        });
        let (refund, news) = done.await?;
        drop(conn);
        if news {
            self.wake();
        }
        Ok(refund)
    }

    /// A page of a payment's refunds, oldest first.
    pub async fn refunds(
        &self,
        id: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<BankRefund>, SandboxError> {
        self.retrieve(id).await?;
        let mut conn = self.database.conn().await?;
        Ok(repo::list_refunds(&mut conn, id, after, limit).await?)
    }

    /// What was given back of a payment, or is being fought over.
    pub async fn given_back(
        &self,
        id: &str,
    ) -> Result<(Vec<BankRefund>, Vec<BankDispute>), SandboxError> {
        let mut conn = self.database.conn().await?;
        let refunds = repo::list_refunds(&mut conn, id, "", ALL).await?;
        Ok((refunds, repo::list_disputes(&mut conn, id).await?))
    }

    /// Disputes a payment, or only inquires; all that was captured unless told.
    pub async fn open_dispute(
        &self,
        id: &str,
        amount_minor: Option<i64>,
        inquiry: bool,
    ) -> Result<BankDispute, SandboxError> {
        let rule = |payment: &mut BankPayment, _: Option<&mut _>, now| {
            payment.open_dispute(amount_minor.unwrap_or(payment.captured_minor), inquiry, now)
        };
        let (_, act) = self.act(id, None, rule).await?;
        act.dispute.ok_or(SandboxError::NoDispute)
    }

    /// Decides a dispute or an inquiry.
    pub async fn close_dispute(
        &self,
        id: &str,
        outcome: Outcome,
    ) -> Result<BankDispute, SandboxError> {
        let mut conn = self.database.conn().await?;
        let done = conn.transaction(async |conn| -> Result<_, SandboxError> {
            let found = repo::load_dispute(conn, id).await?.ok_or(SandboxError::NoDispute)?;
            // the payment's lock guards its disputes: what was read before it is read again
            let payment = repo::lock_payment(conn, &found.provider_payment_id).await?;
            let payment = payment.ok_or(SandboxError::NoPayment)?;
            let found = repo::load_dispute(conn, id).await?.ok_or(SandboxError::NoDispute)?;
            let now = clock::now();
            let act = found.close(outcome, now)?;
            store(conn, &act, &payment, None, now).await?;
            act.dispute.ok_or(SandboxError::NoDispute)
        });
        let dispute = done.await?;
        drop(conn);
        self.wake();
        Ok(dispute)
    }
}

/// The refund that was made with this key before.
async fn known(
    conn: &mut Connection,
    payment: &BankPayment,
    order: RefundOrder<'_>,
) -> Result<Option<BankRefund>, SandboxError> {
    let Some(key) = order.idempotency_key else { return Ok(None) };
    let Some(first) = repo::refund_by_key(conn, key).await? else { return Ok(None) };
    let same = first.provider_payment_id == payment.id
        && first.refund_id == order.refund_id
        && order.amount_minor == Some(first.amount_minor);
    if same { Ok(Some(first)) } else { Err(KeyReused.into()) }
}
