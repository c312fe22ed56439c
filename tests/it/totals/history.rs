//! Random lives of pledges and payments, delivered as badly as a bus may deliver them, and the
//! simple model of what they add up to.

use std::collections::{BTreeMap, BTreeSet};

use careforall::{
    kernel::{
        clock,
        ids::{CampaignId, PaymentId, PledgeId},
    },
    modules::{
        payment::events::{PAYMENT_CHANGED, PaymentChanged},
        pledge::events::{PLEDGE_CHANGED, PledgeChanged},
    },
    platform::event_bus::{Event, Payload, partition_of},
};
use proptest::prelude::*;
use serde::Serialize;

/// A fact about one of the few things that a case is about.
#[derive(Debug, Clone)]
pub enum Fact {
    Pledge(PledgeChanged),
    Payment(PaymentChanged),
}

/// How the versions of a payment differ: captured more, then refunded and disputed shares of it.
#[derive(Debug, Clone)]
pub struct Step {
    pub captures: i64,
    pub refunded_percent: i64,
    pub disputed_percent: i64,
}

#[derive(Debug, Clone)]
pub struct Life {
    pub campaign: usize,
    pub donor: u8,
    pub counted: Vec<i64>,
    pub payments: Vec<Vec<Step>>,
}

/// Lives, and the picks that say which fact is delivered when: some twice, some never.
pub fn cases() -> impl Strategy<Value = (Vec<Life>, Vec<(prop::sample::Index, bool)>)> {
    let step = (0..3_i64, 0..=100_i64, 0..=100_i64).prop_map(|(captures, refunded, disputed)| {
        let disputed_percent = disputed.min(100 - refunded);
        Step { captures: captures * 500, refunded_percent: refunded, disputed_percent }
    });
    let payments = prop::collection::vec(prop::collection::vec(step, 1..5), 0..3);
    let counted = prop::collection::vec(prop_oneof![Just(0), 1..5000_i64], 1..4);
    let life = (0..3_usize, 0..4_u8, counted, payments).prop_map(
        |(campaign, donor, counted, payments)| Life { campaign, donor, counted, payments },
    );
    let picks =
        prop::collection::vec((any::<prop::sample::Index>(), prop::bool::weighted(0.2)), 1..60);
    (prop::collection::vec(life, 1..6), picks)
}

/// Every version of everything.
pub fn facts(lives: &[Life], campaigns: &[CampaignId]) -> Vec<Fact> {
    lives.iter().flat_map(|life| facts_of(life, campaigns[life.campaign])).collect()
}

fn facts_of(life: &Life, campaign_id: CampaignId) -> Vec<Fact> {
    let (pledge_id, currency) = (PledgeId::generate(), "USD".parse().unwrap());
    let pledges = life.counted.iter().zip(1..).map(|(&counted_minor, version)| {
        Fact::Pledge(PledgeChanged {
            pledge_id,
            campaign_id,
            version,
            status: "pending".into(),
            amount_minor: 5000,
            currency,
            counted_minor,
        })
    });
    let payments = life.payments.iter().flat_map(|steps| {
        let payment_id = PaymentId::generate();
        let mut captured = 0;
        steps.iter().zip(1..).map(move |(step, version)| {
            captured += step.captures;
            Fact::Payment(PaymentChanged {
                payment_id,
                pledge_id,
                campaign_id,
                version,
                status: "captured".into(),
                currency,
                captured_minor: captured,
                refunded_minor: captured * step.refunded_percent / 100,
                disputed_minor: captured * step.disputed_percent / 100,
                donor_hash: format!("{:02x}", life.donor),
            })
        })
    });
    pledges.chain(payments).collect()
}

impl Fact {
    /// As the bus hands it over.
    pub fn event(&self) -> Event {
        match self {
            Self::Pledge(fact) => {
                event(PLEDGE_CHANGED, fact.campaign_id, fact.pledge_id.0, fact.version, fact)
            }
            Self::Payment(fact) => {
                event(PAYMENT_CHANGED, fact.campaign_id, fact.payment_id.0, fact.version, fact)
            }
        }
    }
}

pub fn event(
    event_type: &str,
    campaign: CampaignId,
    aggregate_id: uuid::Uuid,
    aggregate_version: i64,
    payload: &impl Serialize,
) -> Event {
    Event {
        seq: 1,
        event_id: clock::new_id(),
        partition: partition_of(campaign.0),
        aggregate_id,
        aggregate_version,
        event_type: event_type.into(),
        payload: Payload::of(payload).unwrap(),
        trace_context: None,
        created_at: clock::now(),
    }
}

/// Keeps the newest word and adds up at the end: slow, and plainly right.
#[derive(Debug, Default)]
pub struct Model {
    pledges: BTreeMap<PledgeId, PledgeChanged>,
    payments: BTreeMap<PaymentId, PaymentChanged>,
}

/// pledged, captured, refunded, disputed, donations, donors
pub type Figures = [i64; 6];

impl Model {
    pub fn see(&mut self, fact: &Fact) {
        match fact.clone() {
            Fact::Pledge(new) => {
                let have = self.pledges.entry(new.pledge_id).or_insert_with(|| new.clone());
                if have.version < new.version {
                    *have = new;
                }
            }
            Fact::Payment(new) => {
                let have = self.payments.entry(new.payment_id).or_insert_with(|| new.clone());
                if have.version < new.version {
                    *have = new;
                }
            }
        }
    }

    pub fn figures(&self, campaign: CampaignId) -> Figures {
        let payments: Vec<_> =
            self.payments.values().filter(|p| p.campaign_id == campaign).collect();
        let sum = |field: fn(&PaymentChanged) -> i64| payments.iter().map(|p| field(p)).sum();
        let paid = || payments.iter().filter(|p| p.captured_minor > 0);
        let pledges = self.pledges.values().filter(|p| p.campaign_id == campaign);
        [
            pledges.map(|p| p.counted_minor).sum(),
            sum(|p| p.captured_minor),
            sum(|p| p.refunded_minor),
            sum(|p| p.disputed_minor),
            count(paid().map(|p| p.pledge_id)),
            count(paid().map(|p| &p.donor_hash)),
        ]
    }
}

fn count<T: Ord>(items: impl Iterator<Item = T>) -> i64 {
    i64::try_from(items.collect::<BTreeSet<_>>().len()).unwrap()
}
