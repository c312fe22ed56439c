//! The pledge follows its payments, and a cancelled campaign takes its unpaid pledges with it: by
//! intent, for there may be very many.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use futures_util::future::BoxFuture;

use super::{
    model::{PaymentState, Pledge, follow},
    repo,
    service::{Traces, store_traced},
};
use crate::{
    kernel::{
        clock,
        ids::{PaymentId, PledgeId},
    },
    modules::{
        campaign::events::{CAMPAIGN_CANCELLED, CampaignCancelled},
        payment::events::{PAYMENT_CHANGED, PaymentChanged},
    },
    platform::{
        event_bus::{Consumer, ConsumerError, Event},
        postgres::Connection,
    },
};

/// Keeps pledges in step with what happens to their payments and campaigns.
pub struct PledgeConsumer;

impl Consumer for PledgeConsumer {
    fn name(&self) -> &'static str {
        "pledge"
    }

    fn event_types(&self) -> &'static [&'static str] {
        &[PAYMENT_CHANGED, CAMPAIGN_CANCELLED]
    }

    fn handle<'a>(
        &'a self,
        conn: &'a mut Connection,
        batch: &'a [Event],
    ) -> BoxFuture<'a, Result<(), ConsumerError>> {
        Box::pin(async move {
            let told = told(batch)?;
            let (captured, traces) = captured(&told);
            let newest = newest(told.into_iter().map(|(_, fact)| fact));
            follow_payments(conn, &newest, &captured, &traces).await?;
            for event in batch.iter().filter(|e| e.event_type == CAMPAIGN_CANCELLED) {
                let cancelled: CampaignCancelled =
                    event.payload.read().map_err(anyhow::Error::from)?;
                let trace = event.trace_context.as_deref();
                repo::insert_cancelled(conn, cancelled.campaign_id, trace).await?;
            }
            Ok(())
        })
    }
}

/// What the batch tells of payments.
fn told(batch: &[Event]) -> Result<Vec<(&Event, PaymentChanged)>, anyhow::Error> {
    let told = batch.iter().filter(|e| e.event_type == PAYMENT_CHANGED);
    told.map(|event| Ok((event, event.payload.read()?))).collect()
}

type Captured = HashMap<PledgeId, DateTime<Utc>>;

/// When each pledge of which a capture is told was first captured, and in which trace each is told
/// of last.
fn captured(told: &[(&Event, PaymentChanged)]) -> (Captured, Traces) {
    let (mut first, mut traces) = (HashMap::new(), Traces::new());
    for (event, fact) in told {
        if let Some(trace) = &event.trace_context {
            traces.insert(fact.pledge_id, trace.clone());
        }
        if fact.captured_minor > 0 {
            let at = first.entry(fact.pledge_id).or_insert(event.created_at);
            *at = event.created_at.min(*at);
        }
    }
    (first, traces)
}

/// The newest version of each payment.
pub(super) fn newest(
    facts: impl IntoIterator<Item = PaymentChanged>,
) -> HashMap<PaymentId, PaymentState> {
    let mut newest: HashMap<PaymentId, PaymentState> = HashMap::new();
    for fact in facts {
        if newest.get(&fact.payment_id).is_some_and(|known| known.version >= fact.version) {
            continue;
        }
        newest.insert(
            fact.payment_id,
            PaymentState {
                payment_id: fact.payment_id,
                pledge_id: fact.pledge_id,
                version: fact.version,
                status: fact.status,
                captured_minor: fact.captured_minor,
                refunded_minor: fact.refunded_minor,
                disputed_minor: fact.disputed_minor,
            },
        );
    }
    newest
}

/// Lets the pledges follow what is heard of their payments. `captured`: when they were captured, for
/// those of which it is known; for others it is now.
pub(super) async fn follow_payments(
    conn: &mut Connection,
    heard: &HashMap<PaymentId, PaymentState>,
    captured: &Captured,
    traces: &Traces,
) -> QueryResult<()> {
    if heard.is_empty() {
        return Ok(());
    }
    // the pledges first: whoever pays or cancels one locks it before anything else
    let ids: Vec<PledgeId> = heard.values().map(|s| s.pledge_id).collect();
    let pledges = repo::lock_many(conn, &ids).await?;
    repo::upsert_newer(conn, &heard.values().collect::<Vec<_>>()).await?;
    follow_known(conn, pledges, captured, traces).await
}

/// Lets locked pledges follow what is known of their payments.
pub(super) async fn follow_known(
    conn: &mut Connection,
    pledges: Vec<Pledge>,
    captured: &Captured,
    traces: &Traces,
) -> QueryResult<()> {
    let ids: Vec<PledgeId> = pledges.iter().map(|pledge| pledge.id).collect();
    let mut payments: HashMap<PledgeId, Vec<PaymentState>> = HashMap::new();
    for state in repo::newest_of(conn, &ids).await? {
        payments.entry(state.pledge_id).or_default().push(state);
    }
    let now = clock::now();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for pledge in pledges {
        let known = payments.get(&pledge.id).map_or(&[][..], Vec::as_slice);
        let (status, refunded_minor) = follow(known, pledge.cancelled_at.is_some());
        if (status, refunded_minor) != (pledge.status, pledge.refunded_minor) {
            let first = || captured.get(&pledge.id).copied().unwrap_or(now);
            let changed = Pledge {
                status,
                refunded_minor,
                updated_at: now,
                version: pledge.version + 1,
                captured_at: pledge.captured_at.or_else(|| status.was_paid().then(first)),
                ..pledge.clone()
            };
            before.push(pledge);
            after.push(changed);
        }
    }
    store_traced(conn, &before, &after, traces).await
}
