//! Writing down that campaigns have ended. Readers need not wait for it, since they ask for the
//! status at an instant; it is for those who listen to events.

use diesel_async::AsyncConnection;
use tokio_util::sync::CancellationToken;

use super::{CampaignService, publishing};
use crate::{
    kernel::clock,
    modules::campaign::{error::CampaignError, repo},
    platform::{
        lookout::Lookout,
        telemetry::{self, TraceContext},
    },
};

/// How many campaigns end in one transaction.
const BATCH: usize = 100;

impl CampaignService {
    /// Ends campaigns whose `ends_at` has passed, until cancelled. Any number of replicas may: they
    /// skip what another one has locked.
    pub fn run(
        self,
        lookout: &mut Lookout,
        token: CancellationToken,
    ) -> impl Future<Output = ()> + use<> {
        let bell = lookout.bell(repo::END_DUE);
        async move {
            while token.run_until_cancelled(bell.notified()).await.is_some() {
                // each pass is a trace of its own
                let pass = telemetry::scope(TraceContext::root(), self.end_all_due());
                if let Err(error) = pass.await {
                    tracing::warn!(%error, "campaigns past their end wait for the next look");
                }
            }
        }
    }

    async fn end_all_due(&self) -> Result<(), CampaignError> {
        while self.end_due().await? == BATCH {}
        Ok(())
    }

    /// Ends one batch and tells how many it was.
    async fn end_due(&self) -> Result<usize, CampaignError> {
        let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let mut conn = self.database.conn().await?;
        let ended = conn.transaction(async |conn| {
            let ended = repo::end_due(conn, clock::now(), limit).await?;
            publishing::changed(conn, &ended).await?;
            Ok::<_, CampaignError>(ended.len())
        });
        let ended = ended.await?;
        if ended > 0 {
            self.bus.wake();
            tracing::info!(ended, "campaigns have ended");
        }
        Ok(ended)
    }
}
