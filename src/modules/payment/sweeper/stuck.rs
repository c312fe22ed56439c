//! Counting the payments that nothing brings to an end, for the alert.

use std::time::Duration;

use chrono::TimeDelta;
use metrics::gauge;
use tokio_util::sync::CancellationToken;

use super::{super::repo, Sweeper};
use crate::{kernel::clock, platform::postgres::DbError};

const EVERY: Duration = Duration::from_secs(10);
/// What is to be given up has so long to be, and what is held so long to be captured.
const GRACE: TimeDelta = TimeDelta::hours(1);

impl Sweeper {
    pub(super) async fn watch_stuck(&self, stop: &CancellationToken) {
        loop {
            if let Err(error) = self.count_stuck().await {
                tracing::warn!(%error, "stuck payments could not be counted");
            }
            if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
                return;
            }
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "a gauge")]
    async fn count_stuck(&self) -> Result<(), DbError> {
        let mut conn = self.database.conn().await?;
        let now = clock::now();
        let abandoned = now - self.service.pace().abandon_after - GRACE;
        let stuck = repo::count_stuck(&mut conn, abandoned, now - GRACE).await?;
        gauge!("payments_stuck", "reason" => "unpaid").set(stuck.unpaid as f64);
        gauge!("payments_stuck", "reason" => "uncaptured").set(stuck.uncaptured as f64);
        Ok(())
    }
}
