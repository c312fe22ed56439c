//! Announcing changed totals, in the transaction that changes them, under their lock.

use std::collections::HashMap;

use anyhow::Context;
use diesel::QueryResult;

use super::{
    events::{TOTALS_CHANGED, TotalsChanged},
    model::Totals,
};
use crate::{
    kernel::ids::CampaignId,
    platform::{
        event_bus::{NewEvent, Payload, publish},
        postgres::Connection,
        telemetry,
    },
};

impl From<&Totals> for TotalsChanged {
    fn from(totals: &Totals) -> Self {
        Self {
            campaign_id: totals.campaign_id,
            version: totals.version,
            currency: totals.currency,
            goal_minor: totals.goal_minor,
            pledged_minor: totals.pledged_minor,
            captured_minor: totals.captured_minor,
            refunded_minor: totals.refunded_minor,
            disputed_minor: totals.disputed_minor,
            donation_count: totals.donation_count,
            donor_count: totals.donor_count,
        }
    }
}

/// The newest of these rows of each campaign, one event for each. Later rows are newer.
pub async fn changed(conn: &mut Connection, rows: Vec<Totals>) -> anyhow::Result<()> {
    let newest: HashMap<CampaignId, Totals> =
        rows.into_iter().map(|row| (row.campaign_id, row)).collect();
    let trace = telemetry::current().map(|trace| trace.to_string());
    let event = |totals: &Totals| {
        Ok(NewEvent {
            partition_key: totals.campaign_id.into(),
            aggregate_id: totals.campaign_id.into(),
            aggregate_version: totals.version,
            event_type: TOTALS_CHANGED,
            payload: Payload::of(&TotalsChanged::from(totals))?,
            trace_context: trace.clone(),
        })
    };
    let events: QueryResult<Vec<NewEvent>> = newest.values().map(event).collect();
    let events = events.context("totals could not be written down")?;
    Ok(publish(conn, &events).await?)
}
