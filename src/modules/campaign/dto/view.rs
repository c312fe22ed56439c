//! A campaign as clients see it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    kernel::{
        ids::{CampaignId, UserId},
        money::Currency,
    },
    modules::{
        campaign::model::{Campaign, Status},
        totals::api::TotalsView,
    },
};

/// A collection of gifts for one purpose. It takes gifts when it is active, not suspended, and
/// between `starts_at` and `ends_at`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Campaign)]
pub struct CampaignView {
    pub id: CampaignId,
    pub owner_id: UserId,
    #[schema(min_length = 1, max_length = 200, example = "Wells for Turkana")]
    pub title: String,
    #[schema(max_length = 20_000, example = "Clean water for twelve villages.")]
    pub description: String,
    #[schema(required, min_length = 1, max_length = 50, example = "water")]
    pub category: Option<String>,
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000_i64, example = 1_000_000)]
    pub goal_minor: i64,
    pub currency: Currency,
    pub status: Status,
    /// Gifts are taken from then on; `null` means from publication.
    #[schema(required)]
    pub starts_at: Option<DateTime<Utc>>,
    /// It ends at that instant; `null` means when its owner ends it.
    #[schema(required)]
    pub ends_at: Option<DateTime<Utc>>,
    /// Since when an administrator has stopped its gifts; `null` unless one has.
    #[schema(required)]
    pub suspended_at: Option<DateTime<Utc>>,
    /// Whether gifts are taken beyond the goal.
    pub allow_overfunding: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Grows with every change; the `ETag` is made of it.
    #[schema(minimum = 1, example = 3)]
    pub version: i64,
    pub totals: TotalsView,
}

impl CampaignView {
    /// The campaign as it is at `now`.
    pub fn new(campaign: Campaign, totals: TotalsView, now: DateTime<Utc>) -> Self {
        Self {
            id: campaign.id,
            owner_id: campaign.owner_id,
            status: campaign.gate().status_at(now),
            title: campaign.title,
            description: campaign.description,
            category: campaign.category,
            goal_minor: campaign.goal_minor,
            currency: campaign.currency,
            starts_at: campaign.starts_at,
            ends_at: campaign.ends_at,
            suspended_at: campaign.suspended_at,
            allow_overfunding: campaign.allow_overfunding,
            created_at: campaign.created_at,
            updated_at: campaign.updated_at,
            version: campaign.version,
            totals,
        }
    }
}
