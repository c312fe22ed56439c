//! Reading one of Stripe's events. Unknown fields, versions and types are tolerated.

use std::borrow::Cow;

use chrono::DateTime;
use serde::Deserialize;
use serde_json::Value;

use super::object::{Said, charge, dispute, payment_intent, refund};
use crate::modules::{
    payment::api::{WebhookError, WebhookEvent, WebhookKind},
    stripe::mode::Mode,
};

/// The types that mean something, for those who ask for a list of them.
pub const TYPES: [&str; 16] = [
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
    "payment_intent.created",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.succeeded",
    "charge.captured",
    "charge.refund.updated",
    "charge.refunded",
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "refund.created",
    "refund.failed",
    "refund.updated",
];

#[derive(Deserialize)]
struct Envelope {
    id: String,
    #[serde(rename = "type")]
    event_type: String,
    #[serde(default)]
    created: Value,
    #[serde(default)]
    livemode: Option<bool>,
    #[serde(default)]
    data: Value,
}

/// Reads a body that came in `mode`. An event of the other mode is refused, whatever it says.
pub fn parse(mode: Mode, body: &[u8]) -> Result<WebhookEvent, WebhookError> {
    let event: Envelope = serde_json::from_slice(body)
        .map_err(|error| malformed(format!("the body is no event: {error}")))?;
    let event_id = identity("id", event.id)?;
    let event_type = identity("type", event.event_type)?;
    if !mode.admits(event.livemode) {
        return Err(WebhookError::WrongMode(format!(
            "the event is not of {mode} mode, our key is"
        )));
    }
    let said = said(&event_type, &event.data["object"])?;
    let known = said.kind != WebhookKind::Unknown;
    let intent = said.intent.map(|id| identity("payment_intent", id));
    let provider_payment_id = if known { intent.transpose()? } else { intent.and_then(Result::ok) };
    Ok(WebhookEvent {
        event_id,
        occurred_at: event.created.as_i64().and_then(|at| DateTime::from_timestamp(at, 0)),
        provider_payment_id,
        payment_id: said.payment_id,
        trace: said.trace,
        foreign: said.foreign,
        currency: said.currency,
        kind: said.kind,
        event_type,
    })
}

/// The body without what differs between two deliveries of one event, or when it is listed: how
/// many deliveries are still to be made, and the white space.
pub fn essence(body: &[u8]) -> Cow<'_, [u8]> {
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(mut event)) => {
            event.remove("pending_webhooks");
            Value::Object(event).to_string().into_bytes().into()
        }
        _ => body.into(),
    }
}

fn said(event_type: &str, object: &Value) -> Result<Said, WebhookError> {
    use WebhookKind::{
        AttemptFailed, Authorized, Canceled, Captured, DisputeLost, DisputeOpened, DisputeWon,
        Processing, Refunded, Unknown,
    };
    match event_type {
        "payment_intent.created" | "payment_intent.processing" => {
            payment_intent(object, |_, _| Ok(Processing))
        }
        // it also falls to nothing, when all of it was captured or let go
        "payment_intent.amount_capturable_updated" => payment_intent(object, |intent, _| {
            Ok(if intent.amount_capturable == Some(0) { Processing } else { Authorized })
        }),
        "payment_intent.succeeded" => payment_intent(object, |intent, amounts| {
            let received =
                intent.amount_received.map(|amount| amounts.minor(amount)).transpose()?;
            Ok(Captured { cumulative_minor: received })
        }),
        "payment_intent.payment_failed" => payment_intent(object, |_, _| Ok(AttemptFailed)),
        "payment_intent.canceled" => payment_intent(object, |_, _| Ok(Canceled)),
        "charge.captured" => charge(object, |charge, amounts| {
            let captured =
                charge.amount_captured.map(|amount| amounts.minor(amount)).transpose()?;
            Ok(Captured { cumulative_minor: captured })
        }),
        "charge.refunded" => charge(object, |charge, amounts| {
            let refunded =
                charge.amount_refunded.map(|amount| amounts.minor(amount)).transpose()?;
            Ok(refunded.map_or(Processing, |cumulative_minor| Refunded { cumulative_minor }))
        }),
        "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
            refund(object)
        }
        "charge.dispute.created" => dispute(object, |_, _, _| Processing),
        "charge.dispute.funds_withdrawn" => dispute(object, |_, dispute_ref, amount_minor| {
            DisputeOpened { dispute_ref, amount_minor }
        }),
        // some of the money may come back although the case is lost
        "charge.dispute.funds_reinstated" => {
            dispute(object, |status, dispute_ref, amount_minor| {
                if status == "lost" { Processing } else { DisputeWon { dispute_ref, amount_minor } }
            })
        }
        "charge.dispute.closed" => {
            dispute(object, |status, dispute_ref, amount_minor| match status {
                "won" => DisputeWon { dispute_ref, amount_minor },
                "lost" => DisputeLost { dispute_ref, amount_minor },
                _ => Unknown,
            })
        }
        _ => Ok(Said::nothing(object)),
    }
}

/// An identity ends in columns and logs: short visible ASCII.
fn identity(field: &str, value: String) -> Result<String, WebhookError> {
    let fits = (1..=255).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic());
    let refused = || malformed(format!("`{field}` must be 1 to 255 visible ASCII characters"));
    if fits { Ok(value) } else { Err(refused()) }
}

pub fn malformed(detail: impl Into<String>) -> WebhookError {
    WebhookError::Malformed(detail.into())
}
