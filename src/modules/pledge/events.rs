//! What the pledge module announces. Facts are absolute and carry the pledge's version.

use serde::{Deserialize, Serialize};

use crate::kernel::{
    ids::{CampaignId, PledgeId},
    money::Currency,
};

/// A pledge was made or changed in any way.
pub const PLEDGE_CHANGED: &str = "pledge.changed.v1";

/// The payload of [`PLEDGE_CHANGED`]. Its aggregate is the pledge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PledgeChanged {
    pub pledge_id: PledgeId,
    pub campaign_id: CampaignId,
    pub version: i64,
    /// `pending`, `completed`, `failed`, `cancelled`, `refunded` or `disputed`.
    pub status: String,
    pub amount_minor: i64,
    pub currency: Currency,
    /// What it adds to the campaign's `pledged_minor`: its amount, or 0 once cancelled or failed.
    pub counted_minor: i64,
}

/// A pledge was cancelled: whatever payment of it is under way must not be captured any more. The
/// payload is a [`PledgeChanged`].
pub const PLEDGE_CANCELLED: &str = "pledge.cancelled.v1";
