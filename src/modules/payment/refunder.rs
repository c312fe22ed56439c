//! Refunds that nobody waits for: made by policy, or whose client never came back.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::{repo, service::PaymentService};
use crate::{
    kernel::clock,
    platform::postgres::{Database, DbError},
};

const IDLE: Duration = Duration::from_secs(1);
const BATCH: i64 = 64;
/// At the provider at the same time, for each replica.
const AT_ONCE: usize = 8;

/// Carries out refunds. Replicas share the work: each takes up what is due.
pub struct Refunder {
    database: Database,
    service: PaymentService,
}

impl Refunder {
    pub fn new(database: Database, service: PaymentService) -> Self {
        Self { database, service }
    }

    /// Works until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.turn().await {
                Ok(due) if due > 0 => continue,
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "refunds could not be carried out"),
            }
            stop.run_until_cancelled(tokio::time::sleep(IDLE)).await;
        }
    }

    async fn turn(&self) -> Result<usize, DbError> {
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
        Ok(due.len())
    }
}
