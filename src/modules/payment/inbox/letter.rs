//! What is stored of an event, however it came.

use sha2::{Digest, Sha256};

use super::super::{
    api::{Provider, WebhookError, WebhookEvent},
    repo::NewInboxRow,
};
use crate::{kernel::clock, platform::telemetry};

/// What goes into the inbox: the event, or, if it cannot be read, its body for a person to look at.
pub fn letter(
    provider: &dyn Provider,
    body: &[u8],
    parsed: &Result<WebhookEvent, WebhookError>,
) -> NewInboxRow {
    let body_hash: [u8; 32] = Sha256::digest(provider.essence(body)).into();
    let row = NewInboxRow {
        provider: provider.name(),
        event_id: format!("malformed:{}", hex::encode(body_hash)),
        event_type: "malformed".to_owned(),
        provider_payment_id: None,
        payment_id: None,
        body: body.to_vec(),
        body_hash,
        status: "pending",
        reason: None,
        trace_context: telemetry::current().map(|trace| trace.to_string()),
        received_at: clock::now(),
    };
    match parsed {
        Ok(event) => NewInboxRow {
            event_id: event.event_id.clone(),
            event_type: event.event_type.clone(),
            provider_payment_id: event.provider_payment_id.clone(),
            payment_id: event.payment_id,
            ..row
        },
        Err(error) => NewInboxRow { status: "quarantined", reason: Some(error.to_string()), ..row },
    }
}
