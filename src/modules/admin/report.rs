//! What a comparison of the books has found.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::kernel::{
    drift::Drift,
    ids::{CampaignId, PaymentId, PledgeId},
};

/// How many drifts are told one by one; all are counted.
const TOLD: usize = 1000;

/// Every check there is. A gauge is kept for each, so that its absence is seen too.
pub const CHECKS: [&str; 20] = [
    "campaign_funding",
    "contribution_payment",
    "contribution_pledge",
    "event_bus",
    "facts_payment",
    "goal_room",
    "history_payment",
    "ledger_payment",
    "ledger_sum",
    "payment_terms",
    "pledge_payment",
    "pledge_status",
    "pledge_terms",
    "refund_facts",
    "totals_contribution",
    "totals_donors",
    "totals_gifts",
    "totals_pledged",
    "totals_terms",
    "webhook_inbox",
];

#[derive(Debug, Default)]
pub struct Report {
    pub payments_checked: u64,
    pub pledges_checked: u64,
    pub campaigns_checked: u64,
    /// The first thousand.
    pub drifts: Vec<Drift>,
    /// All of them, by check.
    pub counts: BTreeMap<&'static str, u64>,
    /// What could not be judged.
    pub open: Open,
    /// Campaigns whose totals are to be counted anew.
    campaigns: BTreeSet<CampaignId>,
    /// Payments of which their pledges are to be told anew.
    payments: BTreeSet<PaymentId>,
    /// Pledges that are to follow their payments anew.
    pledges: BTreeSet<PledgeId>,
    /// Campaigns that are not where they belong among the most funded.
    misplaced: BTreeSet<CampaignId>,
    /// Campaigns of which the room under their goal is to be reckoned anew.
    crowded: BTreeSet<CampaignId>,
    /// Payments that their own books contradict, and their campaigns: nothing is made from these.
    doubted: (BTreeSet<PaymentId>, BTreeSet<CampaignId>),
}

/// What differs, and may yet be mended by events under way.
#[derive(Debug, Default)]
pub struct Open {
    pub payments: BTreeSet<PaymentId>,
    pub pledges: BTreeSet<PledgeId>,
    /// Campaigns whose own words, or whose place among the most funded, are under way.
    pub terms: BTreeSet<CampaignId>,
    /// The campaigns of all of these.
    pub campaigns: BTreeSet<CampaignId>,
}

impl Open {
    pub fn is_empty(&self) -> bool {
        self.campaigns.is_empty()
    }
}

impl Report {
    pub fn add(&mut self, drifts: impl IntoIterator<Item = Drift>) {
        for drift in drifts {
            *self.counts.entry(drift.check).or_default() += 1;
            if mended_by_counting(drift.check) {
                self.campaigns.extend(drift.campaign_id);
            }
            if matches!(drift.check, "ledger_payment" | "facts_payment" | "history_payment") {
                self.doubted.0.extend(drift.id.map(PaymentId));
                self.doubted.1.extend(drift.campaign_id);
            }
            match drift.check {
                "pledge_payment" => self.payments.extend(drift.id.map(PaymentId)),
                "pledge_status" => self.pledges.extend(drift.id.map(PledgeId)),
                "campaign_funding" => self.misplaced.extend(drift.campaign_id),
                "goal_room" => self.crowded.extend(drift.campaign_id),
                _ => {}
            }
            if self.drifts.len() < TOLD {
                self.drifts.push(drift);
            }
        }
    }

    /// Campaigns that can be counted anew: those without a payment that is in doubt.
    pub fn mendable_campaigns(&self) -> impl Iterator<Item = CampaignId> {
        self.campaigns.difference(&self.doubted.1).copied()
    }

    /// Payments of which their pledges can be told anew: those that are not in doubt.
    pub fn mendable_payments(&self) -> impl Iterator<Item = PaymentId> {
        self.payments.difference(&self.doubted.0).copied()
    }

    /// Pledges that are to follow what they know of their payments.
    pub fn mendable_pledges(&self) -> impl Iterator<Item = PledgeId> {
        self.pledges.iter().copied()
    }

    /// Campaigns of which the room under their goal is not what their pledges take.
    pub fn crowded_campaigns(&self) -> impl Iterator<Item = CampaignId> {
        self.crowded.iter().copied()
    }

    /// How many campaigns are to be mended in one way or another.
    pub fn to_be_mended(&self) -> usize {
        self.campaigns.union(&self.misplaced).count()
    }

    /// Campaigns that are to be put where their totals say.
    pub fn misplaced_campaigns(&self) -> impl Iterator<Item = CampaignId> {
        self.misplaced.iter().copied()
    }

    pub fn is_clean(&self) -> bool {
        self.counts.is_empty()
    }

    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }
}

/// Totals follow from payments and pledges, so they can be made anew. What payments, facts and
/// ledger say of each other nobody can mend but a person.
fn mended_by_counting(check: &str) -> bool {
    check.starts_with("totals_") || check.starts_with("contribution_")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "compared {} payments, {} pledges, {} campaigns",
            self.payments_checked, self.pledges_checked, self.campaigns_checked
        )?;
        for (check, count) in &self.counts {
            writeln!(f, "{count:>8}  {check}")?;
        }
        for drift in &self.drifts {
            writeln!(f, "  {drift}")?;
        }
        let untold = self.total().saturating_sub(self.drifts.len() as u64);
        if untold > 0 {
            writeln!(f, "  and {untold} more")?;
        }
        for campaign in self.open.campaigns.iter().take(TOLD) {
            writeln!(f, "  campaign {campaign} could not be judged: its events are under way")?;
        }
        match (self.is_clean(), self.open.is_empty()) {
            (true, true) => writeln!(f, "the books agree"),
            (true, false) => writeln!(f, "the books agree, as far as they could be judged"),
            (false, _) => Ok(()),
        }
    }
}
