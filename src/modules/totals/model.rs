//! The figures of one campaign, and the batch of facts that moves them.

use std::collections::{BTreeMap, BTreeSet, HashMap, btree_map::Entry};

use diesel::{Queryable, QueryableByName, Selectable};

use super::schema::campaign_totals;
use crate::{
    kernel::{
        ids::{CampaignId, PaymentId, PledgeId},
        money::Currency,
    },
    modules::{payment::events::PaymentChanged, pledge::events::PledgeChanged},
};

/// What a campaign has raised. Amounts are in the minor unit of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = campaign_totals)]
pub struct Totals {
    pub campaign_id: CampaignId,
    pub currency: Currency,
    pub goal_minor: i64,
    pub pledged_minor: i64,
    pub captured_minor: i64,
    pub refunded_minor: i64,
    pub disputed_minor: i64,
    pub donation_count: i64,
    pub donor_count: i64,
    pub published: bool,
    pub version: i64,
}

impl Totals {
    /// What the campaign may keep: captured − refunded − disputed. Never negative, by a CHECK.
    pub fn net_minor(&self) -> i64 {
        self.captured_minor - self.refunded_minor - self.disputed_minor
    }

    /// net ÷ goal × 100, rounded to two decimals.
    pub fn percent_funded(&self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "a percentage is for the eye")]
        let percent = self.net_minor() as f64 / self.goal_minor as f64 * 100.0;
        (percent * 100.0).round() / 100.0
    }
}

/// The terms of a campaign that its totals repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    pub campaign_id: CampaignId,
    pub version: i64,
    pub currency: Currency,
    pub goal_minor: i64,
}

/// The newest word of a batch of events on each payment, pledge and campaign. Facts are absolute,
/// so order, repetition and gaps do not matter. They are stored by ascending id, which is how they
/// were made: an index grows at its end.
#[derive(Debug, Default)]
pub struct Batch {
    payments: BTreeMap<PaymentId, PaymentChanged>,
    pledges: BTreeMap<PledgeId, PledgeChanged>,
    terms: BTreeMap<CampaignId, Terms>,
}

impl Batch {
    pub fn payment(&mut self, fact: PaymentChanged) {
        keep_newest(&mut self.payments, fact.payment_id, fact, |f| f.version);
    }

    pub fn pledge(&mut self, fact: PledgeChanged) {
        keep_newest(&mut self.pledges, fact.pledge_id, fact, |f| f.version);
    }

    pub fn campaign(&mut self, terms: Terms) {
        keep_newest(&mut self.terms, terms.campaign_id, terms, |t| t.version);
    }

    pub fn payments(&self) -> Vec<&PaymentChanged> {
        self.payments.values().collect()
    }

    pub fn pledges(&self) -> Vec<&PledgeChanged> {
        self.pledges.values().collect()
    }

    pub fn terms(&self) -> Vec<&Terms> {
        self.terms.values().collect()
    }

    /// The campaigns concerned, in ascending order: the order in which they are locked.
    pub fn campaigns(&self) -> Vec<CampaignId> {
        let payments = self.payments.values().map(|f| f.campaign_id);
        let pledges = self.pledges.values().map(|f| f.campaign_id);
        let all: BTreeSet<_> = payments.chain(pledges).chain(self.terms.keys().copied()).collect();
        all.into_iter().collect()
    }

    /// The first money that is not in its campaign's currency, or is of a campaign that has no
    /// totals: never to be added to anything.
    pub fn foreign(&self, known: &HashMap<CampaignId, Currency>) -> Option<Foreign> {
        let payments = self.payments.values().map(|f| (f.campaign_id, f.currency));
        let pledges = self.pledges.values().map(|f| (f.campaign_id, f.currency));
        let terms = self.terms.values().map(|t| (t.campaign_id, t.currency));
        payments.chain(pledges).chain(terms).find_map(|(campaign_id, currency)| {
            let Some(stored) = known.get(&campaign_id) else {
                return Some(Foreign::Campaign(campaign_id));
            };
            let expected = self.terms.get(&campaign_id).map_or(*stored, |terms| terms.currency);
            (currency != expected && currency != *stored)
                .then_some(Foreign::Currency { campaign_id, currency })
        })
    }
}

/// Why a fact cannot be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    #[error("campaign {0} has no totals")]
    Campaign(CampaignId),
    #[error("{currency} is not the currency of campaign {campaign_id}")]
    Currency { campaign_id: CampaignId, currency: Currency },
}

fn keep_newest<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, fact: V, version: impl Fn(&V) -> i64) {
    match map.entry(key) {
        Entry::Vacant(place) => {
            place.insert(fact);
        }
        Entry::Occupied(mut place) if version(place.get()) < version(&fact) => {
            place.insert(fact);
        }
        Entry::Occupied(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(goal: i64, captured: i64, refunded: i64, disputed: i64) -> Totals {
        Totals {
            campaign_id: CampaignId::generate(),
            currency: "USD".parse().unwrap(),
            goal_minor: goal,
            pledged_minor: captured,
            captured_minor: captured,
            refunded_minor: refunded,
            disputed_minor: disputed,
            donation_count: 1,
            donor_count: 1,
            published: true,
            version: 1,
        }
    }

    #[test]
    fn net_is_what_neither_refunds_nor_disputes_took() {
        assert_eq!(totals(100, 90, 20, 30).net_minor(), 40);
    }

    #[test]
    fn percent_funded_has_two_decimals_and_may_exceed_a_hundred() {
        let percent = |goal, captured| totals(goal, captured, 0, 0).percent_funded().to_string();
        assert_eq!(percent(3, 1), "33.33");
        assert_eq!(percent(100, 250), "250");
        assert_eq!(percent(1_000_000, 0), "0");
    }

    #[test]
    fn a_batch_keeps_the_newest_word_whatever_the_order() {
        let (campaign_id, currency) = (CampaignId::generate(), "USD".parse().unwrap());
        for versions in [[1, 2, 3], [3, 1, 2], [3, 3, 1]] {
            let mut batch = Batch::default();
            for version in versions {
                batch.campaign(Terms { campaign_id, version, currency, goal_minor: version });
            }
            assert_eq!(batch.terms()[0].goal_minor, 3);
        }
    }

    #[test]
    fn foreign_money_and_unknown_campaigns_are_found() {
        let terms = Terms {
            campaign_id: CampaignId::generate(),
            version: 2,
            currency: "USD".parse().unwrap(),
            goal_minor: 1,
        };
        let mut batch = Batch::default();
        batch.pledge(PledgeChanged {
            pledge_id: PledgeId::generate(),
            campaign_id: terms.campaign_id,
            version: 1,
            status: "pending".into(),
            amount_minor: 5,
            currency: "EUR".parse().unwrap(),
            counted_minor: 5,
        });
        assert_eq!(batch.foreign(&HashMap::new()), Some(Foreign::Campaign(terms.campaign_id)));
        let mut known = HashMap::from([(terms.campaign_id, terms.currency)]);
        assert!(matches!(batch.foreign(&known), Some(Foreign::Currency { .. })));
        known.insert(terms.campaign_id, "EUR".parse().unwrap());
        assert_eq!(batch.foreign(&known), None);
        batch.campaign(terms);
        assert_eq!(batch.foreign(&known), None, "a draft's currency may just have changed");
    }
}
