//! Acts upon users, campaigns, webhooks and dead letters.

use diesel_async::AsyncConnection;
use serde_json::{Value, json};
use uuid::Uuid;

use super::AdminService;
use crate::{
    kernel::ids::{CampaignId, UserId},
    modules::{
        admin::error::AdminError,
        auth::api::admin::{self as auth, Act, Standing},
        campaign::api::admin::{self as campaign, CampaignView},
        payment::api::admin::{self as payment, WebhookRow},
    },
    platform::{
        audit::{self, Author, Deed},
        event_bus::{self, Replayed},
    },
};

impl AdminService {
    /// Changes a user's role, or keeps them out or lets them in; ends their sessions.
    pub async fn act_on_user(
        &self,
        actor: UserId,
        author: &Author,
        id: UserId,
        act: Act,
    ) -> Result<Standing, AdminError> {
        let mut conn = self.database.conn().await?;
        let done = conn.transaction(async |conn| {
            let (before, after) = auth::act(conn, actor, id, act).await?;
            let action = match act {
                Act::Role(_) => "user.role",
                Act::Suspend => "user.suspend",
                Act::Unsuspend => "user.unsuspend",
            };
            let deed = Deed {
                action,
                target_type: "user",
                target_id: Some(&id.to_string()),
                before: Some(&told_user(&before)),
                after: Some(&told_user(&after)),
            };
            audit::record(conn, author, deed).await?;
            Ok::<_, AdminError>(after)
        });
        let standing = done.await?;
        self.ended.refresh(&mut conn).await;
        Ok(standing)
    }

    /// Stops a campaign's gifts, or lets them go on.
    pub async fn suspend_campaign(
        &self,
        author: &Author,
        id: CampaignId,
        suspended: bool,
    ) -> Result<CampaignView, AdminError> {
        let mut conn = self.database.conn().await?;
        let done = conn.transaction(async |conn| {
            let (view, before) = campaign::set_suspended(conn, id, suspended).await?;
            let deed = Deed {
                action: if suspended { "campaign.suspend" } else { "campaign.unsuspend" },
                target_type: "campaign",
                target_id: Some(&id.to_string()),
                before: Some(&json!({ "suspended_at": before })),
                after: Some(&json!({ "suspended_at": view.suspended_at })),
            };
            audit::record(conn, author, deed).await?;
            Ok::<_, AdminError>(view)
        });
        done.await.inspect(|_| self.bus.wake())
    }

    /// Has a webhook judged again.
    pub async fn replay_webhook(&self, author: &Author, id: i64) -> Result<WebhookRow, AdminError> {
        let mut conn = self.database.conn().await?;
        let done = conn.transaction(async |conn| {
            let (before, after) = payment::replay_webhook(conn, id).await?;
            let deed = Deed {
                action: "webhook.replay",
                target_type: "webhook_event",
                target_id: Some(&id.to_string()),
                before: Some(&told_webhook(&before)),
                after: Some(&told_webhook(&after)),
            };
            audit::record(conn, author, deed).await?;
            Ok::<_, AdminError>(after)
        });
        done.await.inspect(|_| self.inbox.notify_one())
    }

    /// Requeues a dead letter, with all others of its consumer about the same aggregate.
    pub async fn replay_letter(&self, author: &Author, id: Uuid) -> Result<Replayed, AdminError> {
        let mut conn = self.database.conn().await?;
        let done = conn.transaction(async |conn| {
            let replayed = event_bus::replay(conn, id).await?.ok_or(AdminError::NoLetter)?;
            let requeued = json!({ "state": "parked", "consumer": replayed.consumer,
                                   "aggregate_id": replayed.aggregate_id,
                                   "letters": replayed.letters });
            let deed = Deed {
                action: "dead_letter.replay",
                target_type: "dead_letter",
                target_id: Some(&id.to_string()),
                before: Some(&json!({ "state": "dead" })),
                after: Some(&requeued),
            };
            audit::record(conn, author, deed).await?;
            Ok::<_, AdminError>(replayed)
        });
        done.await.inspect(|_| self.bus.wake())
    }
}

fn told_user((user, suspended_at): &Standing) -> Value {
    json!({ "role": user.role, "suspended_at": suspended_at, "version": user.version })
}

fn told_webhook(row: &WebhookRow) -> Value {
    json!({ "status": row.status, "reason": row.reason, "attempts": row.attempts })
}
