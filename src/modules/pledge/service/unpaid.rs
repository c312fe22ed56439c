//! Giving up pledges that nobody pays. Their payments follow by event: they are cancelled at their
//! provider, and a capture that is faster still completes the pledge.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::AsyncConnection;
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        error::PledgeError,
        model::{PaymentState, Pledge, PledgeStatus},
        repo,
    },
    PledgeService,
    write::store_changes,
};
use crate::{
    kernel::{
        clock,
        ids::{PaymentId, PledgeId},
    },
    platform::{
        postgres::Connection,
        telemetry::{self, TraceContext},
    },
};

/// How often each replica looks, at most.
const EVERY: Duration = Duration::from_mins(1);

/// How many pledges are looked at in one transaction.
const BATCH: i64 = 100;

type Position = (DateTime<Utc>, PledgeId);

impl PledgeService {
    /// Cancels pledges that are unpaid for `age`, until told to stop. Replicas skip what another
    /// one has locked.
    pub async fn run(self, age: TimeDelta, stop: CancellationToken) {
        let every = age.to_std().unwrap_or(EVERY).min(EVERY);
        while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
            let before = clock::now() - age;
            let pass = telemetry::scope(TraceContext::root(), self.give_up(before));
            if let Err(error) = pass.await {
                tracing::warn!(%error, "unpaid pledges wait for the next look");
            }
        }
    }

    async fn give_up(&self, before: DateTime<Utc>) -> Result<(), PledgeError> {
        let mut from = Some((DateTime::UNIX_EPOCH, PledgeId(uuid::Uuid::nil())));
        while let Some(after) = from {
            let mut conn = self.database.conn().await?;
            from = conn.transaction(async |conn| give_up_some(conn, after, before).await).await?;
            drop(conn);
            self.bus.wake();
        }
        Ok(())
    }
}

/// Returns where to go on, if there may be more.
async fn give_up_some(
    conn: &mut Connection,
    after: Position,
    before: DateTime<Utc>,
) -> Result<Option<Position>, PledgeError> {
    let unpaid = repo::lock_unpaid_before(conn, after, before, BATCH).await?;
    let last = unpaid.last().map(|pledge| (pledge.created_at, pledge.id));
    let more = last.filter(|_| i64::try_from(unpaid.len()).is_ok_and(|found| found == BATCH));
    let ids: Vec<PledgeId> = unpaid.iter().map(|pledge| pledge.id).collect();
    let payments = repo::newest_of(conn, &ids).await?;
    let (given_up, cancelled): (Vec<Pledge>, Vec<Pledge>) = unpaid
        .into_iter()
        .filter(|pledge| is_given_up(pledge, &payments, before))
        .map(|pledge| (pledge.clone(), cancelled(pledge)))
        .unzip();
    if !given_up.is_empty() {
        tracing::info!(pledges = given_up.len(), "given up, for nobody has paid");
        store_changes(conn, &given_up, &cancelled).await?;
    }
    Ok(more)
}

/// Its last attempt is old as well, and no money is set aside for it.
fn is_given_up(pledge: &Pledge, payments: &[PaymentState], before: DateTime<Utc>) -> bool {
    let mut own = payments.iter().filter(|payment| payment.pledge_id == pledge.id);
    pledge.payment_id.and_then(made_at).is_none_or(|at| at < before)
        && own.all(|payment| payment.status != "authorized")
}

/// The identity tells when it was made.
fn made_at(payment: PaymentId) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = payment.0.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

fn cancelled(pledge: Pledge) -> Pledge {
    let now = clock::now();
    Pledge {
        status: PledgeStatus::Cancelled,
        cancelled_at: Some(now),
        updated_at: now,
        version: pledge.version + 1,
        ..pledge
    }
}
