//! Reading one of the bank's events. Unknown fields are tolerated, unknown types are named so.

use actix_web::http::header::{HeaderMap, HeaderValue};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::signature::ID;
use crate::{
    kernel::{
        ids::{PaymentId, RefundId},
        money::Currency,
    },
    modules::payment::api::{WebhookError, WebhookEvent, WebhookKind},
};

#[derive(Deserialize)]
struct Envelope {
    id: String,
    #[serde(rename = "type")]
    event_type: String,
    #[serde(default)]
    created_at: Value,
    #[serde(default)]
    data: Value,
}

#[derive(Default, Deserialize)]
struct Data {
    payment_id: Option<String>,
    amount_minor: Option<i64>,
    currency: Option<Currency>,
    refund_id: Option<String>,
    dispute_id: Option<String>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    payment_id: Option<PaymentId>,
    refund_id: Option<RefundId>,
    #[serde(default)]
    traceparent: Value,
}

/// Reads a body; `headers`, where they are at hand, must name the same event.
pub fn parse(headers: Option<&HeaderMap>, body: &[u8]) -> Result<WebhookEvent, WebhookError> {
    let envelope: Envelope = serde_json::from_slice(body)
        .map_err(|e| malformed(format!("the body is no event: {e}")))?;
    let event_id = identity("id", Some(envelope.id))?;
    let event_type = identity("type", Some(envelope.event_type))?;
    if let Some(headers) = headers {
        let named = headers.get(ID).map(HeaderValue::as_bytes);
        if named != Some(event_id.as_bytes()) {
            return Err(malformed("`webhook-id` differs from the body's `id`"));
        }
    }
    let known = known(&event_type);
    // an unknown type may carry anything: what it has of ours is taken, the rest is let be
    let data = match serde_json::from_value::<Option<Data>>(envelope.data) {
        Ok(data) => data.unwrap_or_default(),
        Err(error) if known => return Err(malformed(format!("`data` cannot be read: {error}"))),
        Err(_) => Data::default(),
    };
    let payment_id = data.metadata.as_ref().and_then(|m| m.payment_id);
    let trace = data.metadata.as_ref().and_then(|m| m.traceparent.as_str()?.parse().ok());
    let named = data.payment_id.clone().map(|id| identity("data.payment_id", Some(id)));
    let provider_payment_id = if known { named.transpose()? } else { named.and_then(Result::ok) };
    if known && provider_payment_id.is_none() && payment_id.is_none() {
        return Err(malformed("the event names no payment"));
    }
    Ok(WebhookEvent {
        event_id,
        occurred_at: time(&envelope.created_at),
        provider_payment_id,
        payment_id,
        trace,
        foreign: false,
        currency: data.currency,
        kind: kind(&event_type, data)?,
        event_type,
    })
}

fn time(created_at: &Value) -> Option<DateTime<Utc>> {
    created_at.as_str().and_then(|t| t.parse().ok())
}

fn known(event_type: &str) -> bool {
    matches!(
        event_type,
        "payment.processing"
            | "payment.authorized"
            | "payment.captured"
            | "payment.failed"
            | "payment.canceled"
            | "refund.succeeded"
            | "refund.failed"
            | "dispute.opened"
            | "dispute.won"
            | "dispute.lost"
    )
}

fn kind(event_type: &str, data: Data) -> Result<WebhookKind, WebhookError> {
    let amount_minor = data.amount_minor;
    let refund_id = data.metadata.and_then(|metadata| metadata.refund_id);
    let refund = || identity("data.refund_id", data.refund_id);
    let dispute = || identity("data.dispute_id", data.dispute_id);
    Ok(match event_type {
        "payment.processing" => WebhookKind::Processing,
        "payment.authorized" => WebhookKind::Authorized,
        "payment.captured" => WebhookKind::Captured { cumulative_minor: amount_minor },
        "payment.failed" => WebhookKind::AttemptFailed,
        "payment.canceled" => WebhookKind::Canceled,
        "refund.succeeded" => {
            WebhookKind::RefundSucceeded { refund_ref: refund()?, refund_id, amount_minor }
        }
        "refund.failed" => {
            WebhookKind::RefundFailed { refund_ref: refund()?, refund_id, amount_minor }
        }
        "dispute.opened" => WebhookKind::DisputeOpened { dispute_ref: dispute()?, amount_minor },
        "dispute.won" => WebhookKind::DisputeWon { dispute_ref: dispute()?, amount_minor },
        "dispute.lost" => WebhookKind::DisputeLost { dispute_ref: dispute()?, amount_minor },
        _ => WebhookKind::Unknown,
    })
}

/// An identity ends in columns and logs: short visible ASCII.
fn identity(field: &str, value: Option<String>) -> Result<String, WebhookError> {
    value
        .filter(|v| (1..=255).contains(&v.len()) && v.bytes().all(|b| b.is_ascii_graphic()))
        .ok_or_else(|| malformed(format!("`{field}` must be 1 to 255 visible ASCII characters")))
}

fn malformed(detail: impl Into<String>) -> WebhookError {
    WebhookError::Malformed(detail.into())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;
    use serde_json::json;

    use super::*;

    const OURS: &str = "01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f";

    fn event(event_type: &str) -> Value {
        json!({
            "id": "evt_1", "type": event_type, "created_at": "2026-11-20T10:00:00.5Z", "new": [],
            "data": {
                "payment_id": "sbx_1", "amount_minor": 2500, "currency": "USD", "more": {},
                "refund_id": "re_1", "dispute_id": "dp_1",
                "metadata": { "payment_id": OURS, "refund_id": OURS },
            },
        })
    }

    fn read(event: &Value) -> Result<WebhookEvent, WebhookError> {
        parse(None, event.to_string().as_bytes())
    }

    #[test]
    fn every_type_is_understood_and_unknown_fields_are_tolerated() {
        let (refund_ref, dispute_ref) = ("re_1".to_owned(), "dp_1".to_owned());
        let refund_id = Some(OURS.parse().unwrap());
        let amount_minor = Some(2500);
        for (name, kind) in [
            ("payment.processing", WebhookKind::Processing),
            ("payment.authorized", WebhookKind::Authorized),
            ("payment.captured", WebhookKind::Captured { cumulative_minor: amount_minor }),
            ("payment.failed", WebhookKind::AttemptFailed),
            ("payment.canceled", WebhookKind::Canceled),
            (
                "refund.succeeded",
                WebhookKind::RefundSucceeded {
                    refund_ref: refund_ref.clone(),
                    refund_id,
                    amount_minor,
                },
            ),
            ("refund.failed", WebhookKind::RefundFailed { refund_ref, refund_id, amount_minor }),
            (
                "dispute.opened",
                WebhookKind::DisputeOpened { dispute_ref: dispute_ref.clone(), amount_minor },
            ),
            (
                "dispute.won",
                WebhookKind::DisputeWon { dispute_ref: dispute_ref.clone(), amount_minor },
            ),
            ("dispute.lost", WebhookKind::DisputeLost { dispute_ref, amount_minor }),
            ("account.updated", WebhookKind::Unknown),
        ] {
            let event = read(&event(name)).unwrap();
            assert_eq!((event.kind, event.event_type.as_str()), (kind, name));
            assert_eq!(event.provider_payment_id.as_deref(), Some("sbx_1"));
            assert_eq!(event.payment_id, Some(OURS.parse().unwrap()));
            assert_eq!(event.currency, Some("USD".parse().unwrap()));
            assert!(event.occurred_at.is_some());
        }
    }

    #[test]
    fn what_is_out_of_form_is_malformed() {
        let cases = [
            ("/id", json!("")),
            ("/id", json!("a\0b")),
            ("/id", json!(7)),
            ("/id", json!("x".repeat(256))),
            ("/type", json!(null)),
            ("/data/amount_minor", json!("2500")),
            ("/data/amount_minor", json!(25.5)),
            ("/data/amount_minor", json!(1e30)),
            ("/data/currency", json!("usd")),
            ("/data/payment_id", json!("sbx\u{0}")),
            ("/data/metadata/payment_id", json!("no-uuid")),
            ("/data", json!(null)),
            ("/data", json!([])),
        ];
        for (pointer, value) in cases {
            let mut event = event("payment.captured");
            *event.pointer_mut(pointer).unwrap() = value.clone();
            let outcome = read(&event);
            assert!(matches!(outcome, Err(WebhookError::Malformed(_))), "{pointer} {value}");
        }
        for body in [&b""[..], b"[]", b"{", b"\xff", br#"{"id":"a","id":"b","type":"x"}"#] {
            assert!(matches!(parse(None, body), Err(WebhookError::Malformed(_))), "{body:?}");
        }
        for (name, missing) in [("refund.failed", "refund_id"), ("dispute.won", "dispute_id")] {
            let mut event = event(name);
            event["data"][missing] = Value::Null;
            assert!(matches!(read(&event), Err(WebhookError::Malformed(_))), "{name}");
        }
    }

    #[test]
    fn a_payment_named_by_one_id_only_is_enough_and_a_missing_amount_is_left_open() {
        let mut event = event("payment.captured");
        event["data"] = json!({ "metadata": { "payment_id": OURS } });
        let read = read(&event).unwrap();
        assert_eq!(read.kind, WebhookKind::Captured { cumulative_minor: None });
        assert_eq!(read.provider_payment_id, None);
    }

    #[test]
    fn an_unknown_type_may_carry_anything() {
        let event = json!({ "id": "evt_1", "type": "x.y", "data": { "payment_id": [1] } });
        assert_eq!(read(&event).unwrap().kind, WebhookKind::Unknown);
        assert!(read(&json!({ "id": "evt_1", "type": "x.y" })).is_ok());
    }

    #[test]
    fn the_header_must_name_the_same_event() {
        let body = event("payment.captured").to_string();
        let mut headers = HeaderMap::new();
        assert!(parse(Some(&headers), body.as_bytes()).is_err());
        for (id, ok) in [("evt_1", true), ("evt_2", false)] {
            headers.insert(HeaderName::from_static(ID), HeaderValue::from_static(id));
            assert_eq!(parse(Some(&headers), body.as_bytes()).is_ok(), ok, "{id}");
        }
    }
}
