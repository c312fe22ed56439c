//! A campaign for demonstrations.

use uuid::Uuid;

use super::CampaignService;
use crate::{
    kernel::{
        ids::{CampaignId, UserId},
        money::Money,
    },
    modules::{
        auth::api::Caller,
        campaign::{
            error::CampaignError,
            model::{Action, Draft},
            repo,
        },
    },
    platform::http::RequestId,
};

impl CampaignService {
    /// The owner's active campaign; made and published if there is none.
    pub async fn ensure_active(
        &self,
        owner: UserId,
        title: &str,
        description: &str,
        goal: Money,
    ) -> Result<CampaignId, CampaignError> {
        let mut conn = self.database.conn().await?;
        if let Some(id) = repo::active_of(&mut conn, owner).await? {
            return Ok(id);
        }
        drop(conn);
        let draft = Draft {
            title: title.to_owned(),
            description: description.to_owned(),
            category: Some("water".to_owned()),
            goal_minor: goal.minor,
            currency: goal.currency,
            starts_at: None,
            ends_at: None,
            allow_overfunding: true,
        };
        let campaign = self.create(owner, draft).await?;
        let caller = Caller::User { user_id: owner, session_id: Uuid::nil() };
        self.act(caller, campaign.id, Action::Publish, RequestId(None)).await?;
        Ok(campaign.id)
    }
}
