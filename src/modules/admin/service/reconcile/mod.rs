//! Reconciliation: the books are compared in short snapshots, and what can be made anew is.

mod examine;
mod mend;
mod refresh;
mod settle;
mod walk;
mod worker;

use std::{collections::BTreeSet, time::Instant};

use super::AdminService;
use crate::{
    kernel::ids::{CampaignId, PaymentId, PledgeId},
    modules::{
        admin::{
            error::AdminError,
            repo::{self, Kind},
            report::Report,
        },
        campaign::events::{CAMPAIGN_CHANGED, CampaignChanged},
        payment::events::{PAYMENT_CHANGED, PaymentChanged},
        pledge::events::{PLEDGE_CANCELLED, PLEDGE_CHANGED, PledgeChanged},
    },
    platform::{
        audit::Author,
        event_bus::{self, Event},
    },
};

use walk::{Pace, campaigns, payments, pledges};

pub use walk::Place;
pub use worker::Reconciler;

/// Payments or pledges in one snapshot.
const PAGE: u16 = 500;
/// Campaigns in one snapshot: each is summed up.
const CAMPAIGNS: u16 = 25;

/// Payments that are summed up at once: some ten milliseconds.
const SUMMED: i64 = 20_000;

/// One instant for all that is read inside.
macro_rules! snapshot {
    ($conn:ident, $work:expr) => {
        $conn.build_transaction().repeatable_read().read_only().run($work).await?
    };
}
use snapshot;

/// What a repair came to.
#[derive(Debug)]
pub struct Outcome {
    /// What was found at first.
    pub found: Report,
    /// How many campaigns were counted anew, or put where they belong.
    pub repaired: usize,
    /// What is still wrong: only a person can mend it.
    pub left: Option<Report>,
}

impl Outcome {
    pub fn is_clean(&self) -> bool {
        self.left.as_ref().unwrap_or(&self.found).is_clean()
    }
}

impl AdminService {
    /// Compares everything. With an `author`, what follows from payments and pledges is made anew,
    /// each campaign in a transaction of its own with its row in the audit log, and everything is
    /// compared once more. What events under way may explain is waited for a moment.
    pub async fn reconcile(&self, author: Option<&Author>) -> Result<Outcome, AdminError> {
        let found = self.examine_settled(Pace::AtOnce).await?;
        let Some(author) = author.filter(|_| !found.is_clean()) else {
            self.note(Kind::All, None, &found).await?;
            return Ok(Outcome { found, repaired: 0, left: None });
        };
        let repaired = self.mend(&found, author).await?;
        let left = self.examine_settled(Pace::AtOnce).await?;
        self.note(Kind::All, None, &left).await?;
        Ok(Outcome { found, repaired, left: Some(left) })
    }

    async fn note(&self, kind: Kind, upto: Option<i64>, report: &Report) -> Result<(), AdminError> {
        let mut conn = self.database.conn().await?;
        repo::finish(&mut conn, kind, upto, &report.counts).await?;
        for drift in &report.drifts {
            tracing::error!(check = drift.check, id = ?drift.id, detail = drift.detail, "drift");
        }
        Ok(())
    }

    async fn examine_all(&self, pace: Pace) -> Result<Report, AdminError> {
        let (mut report, mut next) = (Report::default(), Some(Place::START));
        while let Some(place) = next {
            let began = Instant::now();
            next = walk::step(&mut *self.database.conn().await?, place, &mut report).await?;
            pace.rest(began.elapsed()).await;
        }
        Ok(report)
    }

    /// Compares what the log tells of after `seq`, and returns up to where it was read.
    async fn examine_changes(&self, seq: i64) -> Result<(Report, i64), AdminError> {
        let mut report = Report::default();
        let mut conn = self.database.conn().await?;
        let (mut upto, mut touched) = (seq, BTreeSet::new());
        loop {
            let events = event_bus::log_after(&mut conn, upto, PAGE.into()).await?;
            upto = events.last().map_or(upto, |event| event.seq);
            let told = Told::by(&events);
            let payment_ids: Vec<_> = told.payments.into_iter().collect();
            report.payments_checked += payments(&mut conn, &payment_ids, &mut report).await?;
            let pledge_ids: Vec<_> = told.pledges.into_iter().collect();
            report.pledges_checked += pledges(&mut conn, &pledge_ids, &mut report).await?;
            touched.extend(told.campaigns);
            // what comes meanwhile is the next run's
            if events.len() < usize::from(PAGE) {
                break;
            }
        }
        let campaign_ids: Vec<_> = touched.into_iter().collect();
        for ids in campaign_ids.chunks(CAMPAIGNS.into()) {
            report.campaigns_checked += campaigns(&mut conn, ids, &mut report).await?;
        }
        report.add(snapshot!(conn, async |conn| examine::whole(conn).await));
        Ok((report, upto))
    }
}

/// What some events are about.
#[derive(Default)]
struct Told {
    payments: BTreeSet<PaymentId>,
    pledges: BTreeSet<PledgeId>,
    campaigns: BTreeSet<CampaignId>,
}

impl Told {
    /// An event that cannot be read is a dead letter of its consumers, and tells nothing here.
    fn by(events: &[Event]) -> Self {
        let mut told = Self::default();
        for event in events {
            match event.event_type.as_str() {
                PAYMENT_CHANGED => {
                    let Ok(fact) = event.payload.read::<PaymentChanged>() else { continue };
                    told.payments.insert(fact.payment_id);
                    told.pledges.insert(fact.pledge_id);
                    told.campaigns.insert(fact.campaign_id);
                }
                PLEDGE_CHANGED | PLEDGE_CANCELLED => {
                    let Ok(fact) = event.payload.read::<PledgeChanged>() else { continue };
                    told.pledges.insert(fact.pledge_id);
                    told.campaigns.insert(fact.campaign_id);
                }
                CAMPAIGN_CHANGED => {
                    let Ok(fact) = event.payload.read::<CampaignChanged>() else { continue };
                    told.campaigns.insert(fact.campaign_id);
                }
                _ => {}
            }
        }
        told
    }
}
