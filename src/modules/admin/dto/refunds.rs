//! How far the refunds of a whole campaign have got.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    kernel::ids::{CampaignId, RefundRunId, UserId},
    modules::payment::api::admin::{Progress, RefundRunRow},
};

/// The newest act of giving back all gifts of a campaign; the counts are of all such acts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefundRun)]
pub struct RefundRunBody {
    id: RefundRunId,
    campaign_id: CampaignId,
    requested_by: UserId,
    #[schema(example = "the wells cannot be dug")]
    reason: String,
    created_at: DateTime<Utc>,
    /// When the last gift had been looked at; `null` before. Refunds may still be on their way.
    #[schema(required)]
    walked_at: Option<DateTime<Utc>>,
    /// Refunds asked for: done, failed or on their way.
    #[schema(minimum = 0, example = 120)]
    refunds_requested: i64,
    #[schema(minimum = 0, example = 100)]
    refunds_done: i64,
    /// The gift is then `left` again.
    #[schema(minimum = 0, example = 1)]
    refunds_failed: i64,
    left: LeftBody,
    /// Gifts that this act could not ask the provider for.
    #[schema(minimum = 0, example = 0)]
    skipped: i64,
    /// Why the last of them was skipped.
    #[schema(required, example = "the payment provider did not answer as it should")]
    last_error: Option<String>,
}

/// What the campaign still holds, and is neither disputed nor on its way back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefundsLeft)]
pub struct LeftBody {
    #[schema(minimum = 0, example = 3)]
    payments: i64,
    /// In the campaign's currency.
    #[schema(minimum = 0, example = 7500)]
    amount_minor: i64,
}

impl From<(RefundRunRow, Progress)> for RefundRunBody {
    fn from((run, progress): (RefundRunRow, Progress)) -> Self {
        Self {
            id: run.id,
            campaign_id: run.campaign_id,
            requested_by: run.requested_by,
            reason: run.reason,
            created_at: run.created_at,
            walked_at: run.done_at,
            refunds_requested: progress.requested,
            refunds_done: progress.done,
            refunds_failed: progress.failed,
            left: LeftBody { payments: progress.left, amount_minor: progress.left_minor },
            skipped: run.skipped,
            last_error: run.last_error,
        }
    }
}
