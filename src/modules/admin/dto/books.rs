//! The books: what a comparison has found, and the figures of the day.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    kernel::{drift::Drift, ids::CampaignId, page::to_cursor},
    modules::admin::service::{ByCurrency, Dashboard, Outcome, Place, Raised},
};

/// Two books that say different things.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Drift)]
pub struct DriftBody {
    #[schema(example = "totals_contribution")]
    check: &'static str,
    #[schema(required)]
    campaign_id: Option<CampaignId>,
    /// The payment, pledge or campaign whose books differ.
    #[schema(required)]
    id: Option<Uuid>,
    #[schema(example = "the totals say {100,0,0}, their parts {0,0,0}")]
    detail: String,
}

impl From<&Drift> for DriftBody {
    fn from(drift: &Drift) -> Self {
        let Drift { check, campaign_id, id, detail } = drift.clone();
        Self { check, campaign_id, id, detail }
    }
}

/// What a comparison of the books has found and mended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TotalsRefresh)]
pub struct RefreshBody {
    #[schema(minimum = 0, example = 12)]
    campaigns_checked: u64,
    /// What was found, at most a thousand.
    drifted: Vec<DriftBody>,
    /// How many campaigns were counted anew, or put where they belong among the most funded.
    #[schema(minimum = 0, example = 1)]
    repaired: usize,
    /// What is still wrong, and for a person to mend; at most a thousand.
    remaining: Vec<DriftBody>,
    /// There is more than one request may compare: send it as `cursor` to go on from there; `null`
    /// at the end.
    #[schema(required, example = json!(null))]
    next_cursor: Option<String>,
}

impl RefreshBody {
    pub fn new(outcome: &Outcome, next: Option<Place>) -> Self {
        let told = |drifts: &[Drift]| drifts.iter().map(DriftBody::from).collect();
        Self {
            campaigns_checked: outcome.found.campaigns_checked,
            drifted: told(&outcome.found.drifts),
            repaired: outcome.repaired,
            next_cursor: next.map(|place| to_cursor(&place)),
            remaining: outcome.left.as_ref().map_or_else(Vec::new, |left| told(&left.drifts)),
        }
    }
}

/// The figures of the day, and what waits for somebody.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Dashboard)]
pub struct DashboardBody {
    /// When the day's figures begin: at midnight UTC, or when a server first ran after it.
    since: DateTime<Utc>,
    /// What came since, by currency. `pledged_minor` is less than 0 when more was cancelled than
    /// pledged.
    #[schema(value_type = BTreeMap<String, Raised>)]
    today: ByCurrency,
    /// All that there is, by currency.
    #[schema(value_type = BTreeMap<String, Raised>)]
    total: ByCurrency,
    /// Webhooks that are not final, by state.
    webhook_events: BTreeMap<String, i64>,
    #[schema(minimum = 0, example = 0)]
    dead_letters: i64,
    /// What the last comparisons of the books have found, by check.
    drift: BTreeMap<String, u64>,
}

impl From<Dashboard> for DashboardBody {
    fn from(board: Dashboard) -> Self {
        Self {
            since: board.since,
            today: board.today,
            total: board.total,
            webhook_events: board.webhooks,
            dead_letters: board.dead_letters,
            drift: board.drift,
        }
    }
}
