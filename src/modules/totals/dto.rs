//! Totals as they go over the wire.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::model::Totals;
use crate::kernel::{ids::CampaignId, money::Currency};

/// Where the figures of an answer come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TotalsSource)]
pub enum Source {
    /// Kept by this process, for at most a second.
    ProcessCache,
    /// Shared by the replicas, for at most two seconds.
    Redis,
    /// Read from the database for this answer.
    ReadModel,
}

impl Source {
    /// The name that it has over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProcessCache => "process_cache",
            Self::Redis => "redis",
            Self::ReadModel => "read_model",
        }
    }
}

/// What a campaign has raised. Amounts are in the minor unit of `currency`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Totals)]
pub struct TotalsView {
    pub campaign_id: CampaignId,
    pub currency: Currency,
    #[schema(minimum = 1, example = 1_000_000)]
    pub goal_minor: i64,
    /// Pledges that are neither cancelled nor failed, paid or not.
    #[schema(minimum = 0, example = 30_000)]
    pub pledged_minor: i64,
    /// All that was ever captured.
    #[schema(minimum = 0, example = 25_000)]
    pub captured_minor: i64,
    #[schema(minimum = 0, example = 5_000)]
    pub refunded_minor: i64,
    /// Held back by disputes that are open or lost.
    #[schema(minimum = 0, example = 0)]
    pub disputed_minor: i64,
    /// captured − refunded − disputed; never negative.
    #[schema(minimum = 0, example = 20_000)]
    pub net_minor: i64,
    /// Gifts for which money was ever captured.
    #[schema(minimum = 0, example = 7)]
    pub donation_count: i64,
    /// The distinct donors of those gifts.
    #[schema(minimum = 0, example = 5)]
    pub donor_count: i64,
    /// net ÷ goal × 100, rounded to two decimals; may exceed 100.
    #[schema(minimum = 0, example = 2.0)]
    pub percent_funded: f64,
    /// Grows with every change; the `ETag` is made of it.
    #[schema(minimum = 1, example = 12)]
    pub version: i64,
    /// When the figures were read from the read model.
    pub as_of: DateTime<Utc>,
    // the last field: the cache swaps it without serialising anew
    pub source: Source,
}

impl TotalsView {
    pub fn new(totals: &Totals, as_of: DateTime<Utc>, source: Source) -> Self {
        Self {
            campaign_id: totals.campaign_id,
            currency: totals.currency,
            goal_minor: totals.goal_minor,
            pledged_minor: totals.pledged_minor,
            captured_minor: totals.captured_minor,
            refunded_minor: totals.refunded_minor,
            disputed_minor: totals.disputed_minor,
            net_minor: totals.net_minor(),
            donation_count: totals.donation_count,
            donor_count: totals.donor_count,
            percent_funded: totals.percent_funded(),
            version: totals.version,
            as_of,
            source,
        }
    }
}

/// How to read totals.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TotalsQuery {
    /// `true` reads the database, past all caches.
    #[serde(default)]
    #[param(default = false)]
    pub realtime: bool,
}
