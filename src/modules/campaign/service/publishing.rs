//! Announcing changes, in the transaction that makes them.

use diesel::QueryResult;
use serde::Serialize;

use crate::{
    modules::campaign::{
        error::CampaignError,
        events::{CAMPAIGN_CANCELLED, CAMPAIGN_CHANGED, CampaignCancelled, CampaignChanged},
        model::Campaign,
    },
    platform::{
        event_bus::{self, NewEvent, Payload},
        postgres::Connection,
        telemetry,
    },
};

impl From<&Campaign> for CampaignChanged {
    fn from(campaign: &Campaign) -> Self {
        Self {
            campaign_id: campaign.id,
            version: campaign.version,
            status: campaign.status.to_string(),
            goal_minor: campaign.goal_minor,
            currency: campaign.currency,
            allow_overfunding: campaign.allow_overfunding,
        }
    }
}

/// These campaigns, whose rows are locked, are as they are now.
pub async fn changed(conn: &mut Connection, campaigns: &[Campaign]) -> Result<(), CampaignError> {
    let events: Result<Vec<_>, _> = campaigns
        .iter()
        .map(|campaign| event(campaign, CAMPAIGN_CHANGED, &CampaignChanged::from(campaign)))
        .collect();
    Ok(event_bus::publish(conn, &events?).await?)
}

/// This campaign has just been cancelled.
pub async fn cancelled(conn: &mut Connection, campaign: &Campaign) -> Result<(), CampaignError> {
    let payload = CampaignCancelled { campaign_id: campaign.id, version: campaign.version };
    let event = event(campaign, CAMPAIGN_CANCELLED, &payload)?;
    Ok(event_bus::publish(conn, &[event]).await?)
}

fn event(
    campaign: &Campaign,
    event_type: &'static str,
    payload: &impl Serialize,
) -> QueryResult<NewEvent> {
    Ok(NewEvent {
        partition_key: campaign.id.0,
        aggregate_id: campaign.id.0,
        aggregate_version: campaign.version,
        event_type,
        payload: Payload::of(payload)?,
        trace_context: telemetry::current().map(|trace| trace.to_string()),
    })
}
