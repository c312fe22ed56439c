//! Samples, expires.

use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    super::{runtime::Shared, upkeep},
    pause,
};
use crate::platform::postgres::DbError;

/// Keeps the bus in order.
pub struct UpkeepLoop {
    shared: Arc<Shared>,
}

impl UpkeepLoop {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub async fn run(self, token: CancellationToken) {
        let mut expire_at = Instant::now();
        while !token.is_cancelled() {
            if Instant::now() >= expire_at {
                expire_at = Instant::now() + self.shared.config.sweep_every;
                if let Err(error) = self.expire().await {
                    tracing::warn!(%error, "expiring the event log failed; next time");
                }
            }
            if let Err(error) = self.sample().await {
                tracing::warn!(%error, "sampling the bus failed; next time");
            }
            pause(&token, self.shared.config.sample_every).await;
        }
    }

    /// Drops what the log need not keep.
    async fn expire(&self) -> Result<(), DbError> {
        let mut conn = self.shared.database.conn().await?;
        let dropped = upkeep::expire(&mut conn, self.shared.config.retention).await?;
        if dropped > 0 {
            tracing::info!(dropped, "partitions of the event log expired");
        }
        Ok(())
    }

    async fn sample(&self) -> Result<(), DbError> {
        let mut conn = self.shared.database.conn().await?;
        Ok(upkeep::sample(&mut conn, &self.shared.names()).await?)
    }
}
