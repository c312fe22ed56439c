//! Sums up what campaigns, pledges and payments announce.

use anyhow::Context;
use futures_util::future::BoxFuture;

use super::{
    announce,
    model::{Batch, Terms},
    repo::{self, Facts},
};
use crate::{
    modules::{
        campaign::events::{CAMPAIGN_CHANGED, CampaignChanged},
        payment::events::{PAYMENT_CHANGED, PaymentChanged},
        pledge::events::PLEDGE_CHANGED,
    },
    platform::{
        event_bus::{Consumer, ConsumerError, Event},
        postgres::Connection,
    },
};

/// Keeps `totals.campaign_totals` equal to the newest word on every payment and pledge.
#[derive(Debug, Clone, Copy, Default)]
pub struct TotalsConsumer;

impl Consumer for TotalsConsumer {
    fn name(&self) -> &'static str {
        "totals"
    }

    fn event_types(&self) -> &'static [&'static str] {
        &[CAMPAIGN_CHANGED, PLEDGE_CHANGED, PAYMENT_CHANGED]
    }

    fn handle<'a>(
        &'a self,
        conn: &'a mut Connection,
        batch: &'a [Event],
    ) -> BoxFuture<'a, Result<(), ConsumerError>> {
        Box::pin(async move { apply(conn, &read(batch)?).await })
    }
}

/// Any number of events costs two statements, one more when a campaign changed, and one more when
/// there is something to announce.
async fn apply(conn: &mut Connection, batch: &Batch) -> Result<(), ConsumerError> {
    let known = repo::lock(conn, &batch.campaigns()).await?;
    if let Some(foreign) = batch.foreign(&known) {
        return Err(ConsumerError::Failed(foreign.into()));
    }
    let (payments, pledges, terms) = (batch.payments(), batch.pledges(), batch.terms());
    let mut changed = Vec::new();
    if !terms.is_empty() {
        changed = repo::set_terms(conn, &terms).await?;
    }
    if !payments.is_empty() || !pledges.is_empty() {
        let told: Vec<_> = changed.iter().map(|totals| totals.campaign_id).collect();
        let facts = Facts { payments: &payments, donors: donors(&payments)?, pledges: &pledges };
        changed.extend(repo::apply(conn, facts, &told).await?);
    }
    Ok(announce::changed(conn, changed).await?)
}

pub(super) fn donors(payments: &[&PaymentChanged]) -> anyhow::Result<Vec<Vec<u8>>> {
    let decode = |p: &&PaymentChanged| hex::decode(&p.donor_hash).context("donor_hash is no hex");
    payments.iter().map(decode).collect()
}

fn read(events: &[Event]) -> anyhow::Result<Batch> {
    let mut batch = Batch::default();
    for event in events {
        add(&mut batch, event).with_context(|| format!("event {}", event.event_id))?;
    }
    Ok(batch)
}

fn add(batch: &mut Batch, event: &Event) -> Result<(), serde_json::Error> {
    match event.event_type.as_str() {
        PAYMENT_CHANGED => batch.payment(event.payload.read()?),
        PLEDGE_CHANGED => batch.pledge(event.payload.read()?),
        CAMPAIGN_CHANGED => {
            let fact: CampaignChanged = event.payload.read()?;
            batch.campaign(Terms {
                campaign_id: fact.campaign_id,
                version: fact.version,
                currency: fact.currency,
                goal_minor: fact.goal_minor,
            });
        }
        _ => {}
    }
    Ok(())
}
