//! Looking at payments whose end has not been heard of.

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        book::Source,
        error::PaymentError,
        repo::{self, Check, PaymentRow},
        service::{Budget, IN_FLIGHT},
    },
    Sweeper,
};
use crate::{kernel::clock, platform::telemetry};

/// Taken at once, one after the other.
const BATCH: i64 = 16;
/// Longer than a batch takes: each look calls the provider for at most 20 s.
const LEASE: TimeDelta = TimeDelta::minutes(6);
/// Checks that are over, dropped in one statement.
const OVER: i32 = 1000;
/// An authorization this close to its end is worth a warning.
const NEAR: TimeDelta = TimeDelta::hours(1);

/// When to look again.
enum Next {
    At(DateTime<Utc>),
    Later,
}

impl Sweeper {
    pub(super) async fn look_at_due(&self, stop: &CancellationToken) -> anyhow::Result<()> {
        let full = usize::try_from(OVER).unwrap_or(usize::MAX);
        let mut conn = self.database.conn().await?;
        if !repo::any_check_is_due(&mut conn).await? {
            return Ok(());
        }
        while repo::drop_checks_that_are_over(&mut conn, OVER.into()).await? >= full {}
        drop(conn);
        loop {
            let mut conn = self.database.conn().await?;
            let due = repo::claim_due_checks(&mut conn, clock::now() + LEASE, BATCH).await?;
            drop(conn);
            for check in &due {
                if stop.is_cancelled() {
                    return Ok(());
                }
                self.look_at(check).await?;
                tokio::time::sleep(self.service.pace().gap).await;
            }
            if due.is_empty() {
                return Ok(());
            }
        }
    }

    async fn look_at(&self, check: &Check) -> anyhow::Result<()> {
        let mut conn = self.database.conn().await?;
        let Some(payment) = repo::find(&mut conn, check.payment_id).await? else { return Ok(()) };
        drop(conn);
        let later = clock::now() + self.service.pace().wait(check.looks);
        let (next, outcome) = match telemetry::resume(payment.trace(), self.look(&payment)).await {
            Ok(Next::At(at)) => (at, "asked"),
            Ok(Next::Later) => (later, "asked"),
            Err(error) => {
                tracing::warn!(payment_id = %payment.id, %error, "asked about in vain");
                (later, "in_vain")
            }
        };
        metrics::counter!("sweeper_looks_total", "outcome" => outcome).increment(1);
        let mut conn = self.database.conn().await?;
        Ok(repo::reschedule_check(&mut conn, check, next).await?)
    }

    async fn look(&self, payment: &PaymentRow) -> Result<Next, PaymentError> {
        let now = clock::now();
        let abandoned = payment.created_at + self.service.pace().abandon_after;
        let unpaid = matches!(payment.status.as_str(), "pending" | "failed");
        let unanswered = payment.status == "pending" && !payment.is_answered();
        if unanswered && payment.called_at.is_some_and(|at| now - at < IN_FLIGHT) {
            return Ok(Next::At(now + IN_FLIGHT));
        }
        if unpaid && (unanswered || abandoned <= now) {
            // its client never came back, or its donor; what was captured is adopted
            self.service.settle(payment, Source::Sweeper, &mut Budget::default()).await?;
            return Ok(Next::Later);
        }
        if payment.status == "failed" {
            // another attempt may follow; of a success the provider's events tell
            return Ok(Next::At(abandoned));
        }
        let expires_at = self.service.refresh(payment).await?;
        Ok(match expires_at {
            Some(at) => self.before_expiry(payment, at, now),
            None if unpaid && abandoned < now + self.service.pace().backoff => Next::At(abandoned),
            None => Next::Later,
        })
    }

    /// An authorization is looked at again when it has ended.
    fn before_expiry(&self, payment: &PaymentRow, at: DateTime<Utc>, now: DateTime<Utc>) -> Next {
        if at <= now {
            return Next::Later;
        }
        if at - now < NEAR {
            tracing::warn!(payment_id = %payment.id, %at, "an authorization is about to expire");
            metrics::counter!("authorizations_expiring_total", "provider" => payment.provider.clone())
                .increment(1);
        }
        Next::At((now + NEAR.max(self.service.pace().backoff)).min(at))
    }
}
