//! Refunds in three phases, like payments: A reserves, B calls the provider, C stores.
//!
//! The row is the reservation, committed before the provider hears of it: whoever dies after that
//! leaves all that is needed to go on, be it for the client's retry or for the worker, and the
//! provider's key is derived from the row, so that it gives back once. What the provider says goes
//! through `decide`; the totals change when it says that the refund succeeded.

mod ask;
mod begin;
mod policy;
mod run;
mod store;

use chrono::TimeDelta;
use diesel_async::AsyncConnection;

use self::{
    ask::Told,
    begin::{Begun, Taken, begin},
    store::{response, store},
};
use super::{
    super::{
        book::Source,
        dto::CreateRefund,
        error::PaymentError,
        repo::{self, RefundRow},
    },
    PaymentService,
    budget::Budget,
    create::Answer,
};
use crate::{
    kernel::{
        backoff::wait_after,
        clock,
        ids::{PaymentId, RefundId},
    },
    platform::{
        audit::Author,
        idempotency::{self, IdempotencyKey, StoredResponse},
        postgres::Connection,
    },
};

pub use policy::refund_second_captures;
pub use run::begin_run;

/// While somebody works on a refund, others leave it alone for this long. Then the refunder takes it
/// up; it is no setting, because it has to be longer than a call can take.
const LEASE: TimeDelta = TimeDelta::seconds(60);

impl PaymentService {
    /// Gives money back, once for its key.
    pub async fn refund(
        &self,
        author: &Author,
        key: &IdempotencyKey,
        payment: PaymentId,
        order: &CreateRefund,
    ) -> Result<Answer, PaymentError> {
        if let Some(known) = self.replays.get(key).await {
            return Ok(Err(known));
        }
        let mut conn = self.database.conn().await?;
        let begun = conn
            .transaction(async |conn| {
                begin(conn, author, key, payment, order, &self.providers).await
            })
            .await?;
        drop(conn);
        let stored = match begun {
            Begun::Known(refusal) => return Ok(Err(refusal)),
            Begun::Done(stored) => stored,
            Begun::Call { taken, attempt } => self.call_and_keep(key, attempt, &taken).await?,
        };
        self.replays.put(key, &stored).await;
        Ok(Ok(stored))
    }

    pub async fn find_refund(&self, id: RefundId) -> Result<RefundRow, PaymentError> {
        let mut conn = self.database.conn().await?;
        repo::find_refund(&mut conn, id).await?.ok_or(PaymentError::RefundNotFound)
    }

    /// Goes on with a refund that was asked for, and whose client never came back, or has none.
    /// Nothing happens where it is decided, or somebody else is working on it.
    pub async fn resume_refund(&self, id: RefundId) -> Result<(), PaymentError> {
        let mut conn = self.database.conn().await?;
        let taken =
            conn.transaction(async |conn| Taken::up(conn, id, Some(clock::now())).await).await?;
        drop(conn);
        let Some(taken) = taken else { return Ok(()) };
        let told = match self.ask(&taken).await {
            Ok(told) => told,
            Err(error) => {
                let mut conn = self.database.conn().await?;
                put_off(&mut conn, &taken, &error).await?;
                return Err(error);
            }
        };
        let mut conn = self.database.conn().await?;
        conn.transaction(async |conn| store(conn, &taken.row, &told, Source::Sweeper).await)
            .await?;
        self.bus.wake();
        Ok(())
    }

    /// Phases B and C.
    async fn call_and_keep(
        &self,
        key: &IdempotencyKey,
        attempt: i32,
        taken: &Taken,
    ) -> Result<StoredResponse, PaymentError> {
        let told = match self.ask(taken).await {
            Ok(told) => told,
            Err(error) => {
                let mut conn = self.database.conn().await?;
                conn.transaction(async |conn| {
                    idempotency::release(conn, key, attempt).await?;
                    put_off(conn, taken, &error).await
                })
                .await?;
                return Err(error);
            }
        };
        let mut conn = self.database.conn().await?;
        let kept = conn
            .transaction(async |conn| keep(conn, (key, attempt), &taken.row, &told).await)
            .await?;
        self.bus.wake();
        kept.ok_or(PaymentError::Fenced)
    }
}

/// Phase C. `None`: another attempt has taken over, and answers; what the provider did is noted all
/// the same.
async fn keep(
    conn: &mut Connection,
    (key, attempt): (&IdempotencyKey, i32),
    row: &RefundRow,
    told: &Told,
) -> Result<Option<StoredResponse>, PaymentError> {
    // the key first, as everywhere: this locks it
    let point = begin::point(row.id);
    let ours = idempotency::set_recovery_point(conn, key, attempt, &point).await?;
    let stored = response(&store(conn, row, told, Source::Api).await?)?;
    if !ours {
        return Ok(None);
    }
    idempotency::finish(conn, key, attempt, &stored).await?;
    Ok(Some(stored))
}

/// The provider gave no answer: the amount stays reserved, and the worker goes on.
async fn put_off(
    conn: &mut Connection,
    taken: &Taken,
    error: &PaymentError,
) -> Result<(), PaymentError> {
    let at = clock::now() + wait_after(taken.row.attempts);
    Ok(repo::retry_refund(conn, &taken.row, at, &error.to_string()).await?)
}
