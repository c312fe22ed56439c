//! What is stored of an event, however it came.

use sha2::{Digest, Sha256};

use super::super::{
    api::{Provider, WebhookError, WebhookEvent},
    repo::NewInboxRow,
};
use crate::{
    kernel::clock,
    platform::telemetry::{self, Span, SpanKind, TraceContext, names},
};

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
        trace_context: place(parsed.as_ref().ok()).map(|trace| trace.to_string()),
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

/// Where in which trace it belongs: the payment's, if the provider gives that back, with a step that
/// points at the request that brought the event; else that request's.
fn place(event: Option<&WebhookEvent>) -> Option<TraceContext> {
    let request = telemetry::current();
    let event = event.and_then(|event| Some((event, event.trace?)));
    let Some((event, payment)) = event else { return request };
    if request.is_some_and(|request| request.is_same_trace(&payment)) {
        return request;
    }
    let name = format!("receive {}", event.event_type);
    let mut span = Span::within(payment, name, SpanKind::Consumer);
    span.set(names::MESSAGING_MESSAGE_ID, event.event_id.clone());
    if let Some(request) = request {
        span.link(request);
    }
    Some(span.context().unwrap_or_else(|| payment.child()))
}
