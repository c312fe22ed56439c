//! A contradiction between two books that should tell the same.

use std::fmt;

use uuid::Uuid;

use super::ids::CampaignId;

/// What was found. Nothing in it is personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Which rule is broken: `ledger_payment`, `totals_contribution`, …
    pub check: &'static str,
    pub campaign_id: Option<CampaignId>,
    /// The payment, pledge or campaign whose books differ.
    pub id: Option<Uuid>,
    /// What one book says, and what the other.
    pub detail: String,
}

impl Drift {
    pub fn new(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, campaign_id: None, id: None, detail: detail.into() }
    }

    #[must_use]
    pub fn of(mut self, campaign: CampaignId, id: impl Into<Uuid>) -> Self {
        (self.campaign_id, self.id) = (Some(campaign), Some(id.into()));
        self
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.check)?;
        if let Some(id) = self.id {
            write!(f, " {id}")?;
        }
        write!(f, ": {}", self.detail)
    }
}
