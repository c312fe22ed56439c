//! Refunds that nobody waits for: made by policy or for a whole campaign, or whose client never came
//! back.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{error::PaymentError, repo, service::PaymentService};
use crate::{
    kernel::clock,
    platform::{lookout::Lookout, postgres::Database},
};

const BATCH: i64 = 64;
/// At the provider at the same time, for each replica.
const AT_ONCE: usize = 8;

/// Carries out refunds. Replicas share the work: each takes up what is due.
pub struct Refunder {
    database: Database,
    service: PaymentService,
    bell: Arc<Notify>,
}

impl Refunder {
    pub fn new(database: Database, service: PaymentService, lookout: &mut Lookout) -> Self {
        Self { database, service, bell: lookout.bell(repo::REFUNDS_DUE) }
    }

    /// Works until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        while stop.run_until_cancelled(self.bell.notified()).await.is_some() {
            if let Err(error) = self.catch_up(&stop).await {
                tracing::warn!(%error, "refunds could not be carried out");
            }
        }
    }

    async fn catch_up(&self, stop: &CancellationToken) -> Result<(), PaymentError> {
        while !stop.is_cancelled() && self.turn().await? {}
        Ok(())
    }

    /// `false`: nothing was due. A run reserves only as fast as is refunded, so that what comes up
    /// meanwhile does not wait for all of it.
    async fn turn(&self) -> Result<bool, PaymentError> {
        let mut conn = self.database.conn().await?;
        let due = repo::due_refunds(&mut conn, clock::now(), BATCH).await?;
        drop(conn);
        stream::iter(&due)
            .for_each_concurrent(AT_ONCE, async |id| {
                if let Err(error) = self.service.resume_refund(*id).await {
                    tracing::warn!(refund_id = %id, %error, "a refund could not be carried out");
                }
            })
            .await;
        let few = i64::try_from(due.len()).is_ok_and(|due| due < BATCH);
        let advanced = few && self.service.advance_run().await?;
        Ok(advanced || !due.is_empty())
    }
}
