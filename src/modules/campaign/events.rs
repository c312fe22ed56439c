//! What the campaign module announces. The aggregate is the campaign, and so is the partition key.

use serde::{Deserialize, Serialize};

use crate::kernel::{ids::CampaignId, money::Currency};

/// A campaign was made or changed in any way.
pub const CAMPAIGN_CHANGED: &str = "campaign.changed.v1";

/// A campaign was cancelled, for good: what is unpaid of it is to be cancelled too. Comes after
/// the [`CAMPAIGN_CHANGED`] of the same version.
pub const CAMPAIGN_CANCELLED: &str = "campaign.cancelled.v1";

/// The payload of [`CAMPAIGN_CHANGED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignChanged {
    pub campaign_id: CampaignId,
    pub version: i64,
    /// `draft`, `active`, `paused`, `ended` or `cancelled`.
    pub status: String,
    pub goal_minor: i64,
    pub currency: Currency,
    pub allow_overfunding: bool,
}

/// The payload of [`CAMPAIGN_CANCELLED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignCancelled {
    pub campaign_id: CampaignId,
    pub version: i64,
}
