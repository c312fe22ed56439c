//! Cancelled pledges: their payments are cancelled at the provider, by intent, until it confirms.

use std::sync::Arc;

use chrono::TimeDelta;
use diesel_async::AsyncConnection;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    book::Source,
    error::PaymentError,
    repo::{self, CancelIntent},
    service::{Budget, PaymentService},
};
use crate::{
    kernel::{backoff::wait_after, clock},
    platform::{
        lookout::Lookout,
        postgres::{Database, DbError},
        telemetry,
    },
};

const BATCH: i64 = 16;
/// While one process works on an intent, the others leave it alone for this long.
const LEASE: TimeDelta = TimeDelta::seconds(60);

/// Carries out cancellations. Replicas share the work.
pub struct Canceller {
    database: Database,
    service: PaymentService,
    bell: Arc<Notify>,
}

impl Canceller {
    pub fn new(database: Database, service: PaymentService, lookout: &mut Lookout) -> Self {
        Self { database, service, bell: lookout.bell(repo::CANCELS_DUE) }
    }

    /// Works until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        while stop.run_until_cancelled(self.bell.notified()).await.is_some() {
            if let Err(error) = self.catch_up(&stop).await {
                tracing::warn!(%error, "cancellations could not be carried out");
            }
        }
    }

    async fn catch_up(&self, stop: &CancellationToken) -> Result<(), DbError> {
        while !stop.is_cancelled() && self.turn().await? > 0 {}
        Ok(())
    }

    async fn turn(&self) -> Result<usize, DbError> {
        let mut conn = self.database.conn().await?;
        let until = clock::now() + LEASE;
        let intents = conn
            .transaction(async |conn| repo::claim_due_intents(conn, until, BATCH).await)
            .await?;
        drop(conn);
        for intent in &intents {
            let outcome = self.carry_out(intent).await;
            let mut conn = self.database.conn().await?;
            match outcome {
                Ok(()) => repo::finish_intent(&mut conn, intent).await?,
                Err(error) => {
                    let at = clock::now() + wait_after(intent.attempts);
                    let text = error.to_string();
                    repo::retry_intent(&mut conn, intent, at, &text).await?;
                }
            }
        }
        Ok(intents.len())
    }

    /// A closed payment is asked about as well: the intent may have been renewed because the
    /// provider got it later.
    async fn carry_out(&self, intent: &CancelIntent) -> Result<(), PaymentError> {
        let mut conn = self.database.conn().await?;
        let Some(payment) = repo::find(&mut conn, intent.payment_id).await? else {
            return Ok(());
        };
        drop(conn);
        if payment.is_paid() {
            return Ok(());
        }
        let mut budget = Budget::default();
        let settling = self.service.settle(&payment, Source::Sweeper, &mut budget);
        telemetry::resume(payment.trace(), settling).await?;
        let mut conn = self.database.conn().await?;
        match repo::find(&mut conn, intent.payment_id).await? {
            Some(now) if !now.closed && !now.is_paid() => Err(PaymentError::ProviderUnavailable),
            _ => Ok(()),
        }
    }
}
