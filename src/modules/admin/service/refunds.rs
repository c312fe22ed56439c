//! The gifts of a cancelled campaign, given back in one act.

use diesel_async::AsyncConnection;
use serde_json::json;

use super::AdminService;
use crate::{
    kernel::ids::{CampaignId, UserId},
    modules::{
        admin::error::AdminError,
        campaign::api::admin::{self as campaign, CampaignError, Status},
        payment::api::admin::{self as payment, Progress, RefundRunRow},
    },
    platform::audit::{self, Author, Deed},
};

impl AdminService {
    /// Has all gifts of a cancelled campaign refunded. While that is under way, asking again adds
    /// a row to the audit log and nothing else.
    pub async fn refund_campaign(
        &self,
        actor: UserId,
        author: &Author,
        id: CampaignId,
    ) -> Result<(RefundRunRow, Progress), AdminError> {
        let mut conn = self.database.conn().await?;
        conn.transaction(async |conn| {
            let status = campaign::lock_status(conn, id).await?;
            let status = status.ok_or(AdminError::Campaign(CampaignError::NotFound))?;
            if status != Status::Cancelled {
                return Err(AdminError::NotCancelled);
            }
            let (run, new) = payment::refund_all(conn, id, actor, &author.reason).await?;
            let deed = Deed {
                action: "campaign.refund_all",
                target_type: "campaign",
                target_id: Some(&id.to_string()),
                before: None,
                after: Some(&json!({ "run_id": run.id, "new": new })),
            };
            audit::record(conn, author, deed).await?;
            payment::refund_progress(conn, id).await?.ok_or(AdminError::NoRefunds)
        })
        .await
    }

    /// How far the newest act has got.
    pub async fn campaign_refunds(
        &self,
        id: CampaignId,
    ) -> Result<(RefundRunRow, Progress), AdminError> {
        let mut conn = self.database.conn().await?;
        payment::refund_progress(&mut conn, id).await?.ok_or(AdminError::NoRefunds)
    }
}
