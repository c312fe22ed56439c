//! Storing changed pledges: rows, the goal's room, events, in one transaction.

use std::collections::{BTreeMap, HashMap};

use diesel::QueryResult;

use super::super::{
    events::{PLEDGE_CANCELLED, PLEDGE_CHANGED, PledgeChanged},
    model::{Pledge, PledgeStatus},
    repo,
};
use crate::{
    kernel::ids::PledgeId,
    platform::{
        event_bus::{NewEvent, Payload, publish},
        postgres::Connection,
        telemetry,
    },
};

impl From<&Pledge> for PledgeChanged {
    fn from(pledge: &Pledge) -> Self {
        Self {
            pledge_id: pledge.id,
            campaign_id: pledge.campaign_id,
            version: pledge.version,
            status: pledge.status.as_str().to_owned(),
            amount_minor: pledge.amount_minor,
            currency: pledge.currency,
            counted_minor: pledge.counted_minor(),
        }
    }
}

/// Whose trace made a pledge change, where that is not the work under way.
pub type Traces = HashMap<PledgeId, String>;

/// The event that tells of a pledge as it now is.
fn event(pledge: &Pledge, event_type: &'static str, traces: &Traces) -> QueryResult<NewEvent> {
    let own = || telemetry::current().map(|trace| trace.to_string());
    Ok(NewEvent {
        partition_key: pledge.campaign_id.into(),
        aggregate_id: pledge.id.into(),
        aggregate_version: pledge.version,
        event_type,
        payload: Payload::of(&PledgeChanged::from(pledge))?,
        trace_context: traces.get(&pledge.id).cloned().or_else(own),
    })
}

/// The event of a pledge that was made or changed.
pub fn changed(pledge: &Pledge) -> QueryResult<NewEvent> {
    event(pledge, PLEDGE_CHANGED, &Traces::new())
}

/// Stores locked pledges that have changed, with what follows: the room under the goal, the events.
/// `before` and `after` are the same pledges in the same order.
pub async fn store_changes(
    conn: &mut Connection,
    before: &[Pledge],
    after: &[Pledge],
) -> QueryResult<()> {
    store_traced(conn, before, after, &Traces::new()).await
}

/// The same, each in the trace that made it change.
pub async fn store_traced(
    conn: &mut Connection,
    before: &[Pledge],
    after: &[Pledge],
    traces: &Traces,
) -> QueryResult<()> {
    repo::update_many(conn, after).await?;
    let mut rooms: BTreeMap<_, i64> = BTreeMap::new();
    let mut events = Vec::with_capacity(after.len());
    for (old, new) in before.iter().zip(after) {
        *rooms.entry(new.campaign_id).or_default() += new.counted_minor() - old.counted_minor();
        events.push(event(new, PLEDGE_CHANGED, traces)?);
        if new.status == PledgeStatus::Cancelled && old.status != PledgeStatus::Cancelled {
            events.push(event(new, PLEDGE_CANCELLED, traces)?);
        }
    }
    for (campaign, delta) in rooms.into_iter().filter(|(_, delta)| *delta != 0) {
        repo::adjust(conn, campaign, delta).await?;
    }
    publish(conn, &events).await
}
