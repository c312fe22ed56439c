//! A cancelled campaign takes its unpaid pledges with it, however many there are.
//!
//! The event leaves a row, and replicas share the work by its lock: some pledges at a time are
//! locked in ascending order and cancelled, and the cursor is moved, in one short transaction. A
//! crash repeats nothing and leaves nothing out. Until a pledge's turn comes it may look as if it
//! could still be paid; the row refuses that. What a payment captured before its turn stays.

use diesel_async::AsyncConnection;
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        error::PledgeError,
        model::{Pledge, PledgeStatus},
        repo::{self, CancelledCampaign},
    },
    PledgeService,
    write::store_changes,
};
use crate::{
    kernel::{backoff::wait_after, clock},
    platform::{
        lookout::Lookout,
        postgres::Connection,
        telemetry::{self, TraceContext},
    },
};

/// Pledges that are locked at once.
const CHUNK: i64 = 200;

impl PledgeService {
    /// Cancels the unpaid pledges of cancelled campaigns, until told to stop.
    pub fn follow_cancelled_campaigns(
        self,
        lookout: &mut Lookout,
        stop: CancellationToken,
    ) -> impl Future<Output = ()> + use<> {
        let bell = lookout.bell(repo::CANCELLED_DUE);
        async move {
            while stop.run_until_cancelled(bell.notified()).await.is_some() {
                if let Err(error) = self.cancel_all(&stop).await {
                    tracing::warn!(%error, "pledges of a cancelled campaign wait");
                }
            }
        }
    }

    async fn cancel_all(&self, stop: &CancellationToken) -> Result<(), PledgeError> {
        while !stop.is_cancelled()
            && telemetry::scope(TraceContext::root(), self.cancel_some()).await?
        {}
        Ok(())
    }

    /// `false`: no campaign waits for it.
    async fn cancel_some(&self) -> Result<bool, PledgeError> {
        let mut conn = self.database.conn().await?;
        let mut turn = None;
        let done = conn
            .transaction(async |conn| -> Result<bool, PledgeError> {
                turn = repo::next_cancelled(conn, clock::now()).await?;
                let Some(campaign) = &turn else { return Ok(false) };
                let trace = campaign.trace_context.as_deref().and_then(|trace| trace.parse().ok());
                telemetry::resume(trace, cancel_chunk(conn, campaign)).await?;
                Ok(true)
            })
            .await;
        if let (Err(error), Some(campaign)) = (&done, &turn) {
            let at = clock::now() + wait_after(campaign.attempts + 1);
            repo::put_off_cancelled(&mut conn, campaign, at, &error.to_string()).await?;
        }
        self.bus.wake();
        done
    }
}

async fn cancel_chunk(
    conn: &mut Connection,
    campaign: &CancelledCampaign,
) -> Result<(), PledgeError> {
    let unpaid = repo::lock_unpaid(conn, campaign, CHUNK).await?;
    let now = clock::now();
    let id = campaign.campaign_id;
    // one that was paid while it was waited for is not among them, so that few need not be the last
    let Some(last) = unpaid.last().map(|pledge| pledge.id) else {
        return Ok(repo::move_cancelled(conn, id, campaign.cursor, Some(now)).await?);
    };
    let cancelled: Vec<_> = unpaid
        .iter()
        .map(|pledge| Pledge {
            status: PledgeStatus::Cancelled,
            cancelled_at: Some(now),
            updated_at: now,
            version: pledge.version + 1,
            ..pledge.clone()
        })
        .collect();
    store_changes(conn, &unpaid, &cancelled).await?;
    Ok(repo::move_cancelled(conn, id, Some(last), None).await?)
}
