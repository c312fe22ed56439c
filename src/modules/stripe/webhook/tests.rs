//! The map of events, on objects as Stripe documents them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::parse::{TYPES, essence, parse};
use crate::modules::{
    payment::api::{WebhookError, WebhookEvent, WebhookKind},
    stripe::mode::Mode,
};

const OURS: &str = "01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f";

fn event(event_type: &str, object: &Value) -> Value {
    json!({
        "id": "evt_1", "object": "event", "api_version": "2019-01-01", "created": 1_795_000_000,
        "livemode": false, "pending_webhooks": 1, "type": event_type,
        "request": { "id": null, "idempotency_key": null }, "data": { "object": object },
    })
}

fn read(event: &Value) -> Result<WebhookEvent, WebhookError> {
    parse(Mode::Test, event.to_string().as_bytes())
}

fn kind(event_type: &str, object: &Value) -> WebhookKind {
    read(&event(event_type, object)).unwrap().kind
}

fn intent() -> Value {
    json!({
        "id": "pi_1", "object": "payment_intent", "amount": 2500, "amount_capturable": 2500,
        "amount_received": 2500, "currency": "usd", "livemode": false, "status": "succeeded",
        "latest_charge": "ch_1", "metadata": { "payment_id": OURS }, "something_new": [1],
    })
}

fn charge() -> Value {
    json!({
        "id": "ch_1", "object": "charge", "amount": 2500, "amount_captured": 2500,
        "amount_refunded": 400, "currency": "usd", "metadata": { "payment_id": OURS },
        "payment_intent": "pi_1", "refunds": null,
    })
}

fn refund(status: &Value) -> Value {
    json!({
        "id": "re_1", "object": "refund", "amount": 400, "charge": "ch_1", "currency": "usd",
        "metadata": { "payment_id": OURS, "refund_id": OURS }, "payment_intent": "pi_1",
        "status": status,
    })
}

fn dispute(status: &str) -> Value {
    json!({
        "id": "dp_1", "object": "dispute", "amount": 300, "charge": "ch_1", "currency": "usd",
        "livemode": false, "metadata": {}, "payment_intent": "pi_1", "status": status,
        "balance_transactions": [],
    })
}

#[test]
fn payments_and_captures() {
    let cumulative_minor = Some(2500);
    for (name, expected) in [
        ("payment_intent.created", WebhookKind::Processing),
        ("payment_intent.processing", WebhookKind::Processing),
        ("payment_intent.amount_capturable_updated", WebhookKind::Authorized),
        ("payment_intent.succeeded", WebhookKind::Captured { cumulative_minor }),
        ("payment_intent.payment_failed", WebhookKind::AttemptFailed),
        ("payment_intent.canceled", WebhookKind::Canceled),
        ("payment_intent.requires_action", WebhookKind::Unknown),
    ] {
        let event = read(&event(name, &intent())).unwrap();
        assert_eq!((event.kind, event.event_type.as_str()), (expected, name));
        assert_eq!(event.provider_payment_id.as_deref(), Some("pi_1"), "{name}");
        assert_eq!(event.payment_id, Some(OURS.parse().unwrap()));
        assert!(event.occurred_at.is_some() && !event.foreign);
    }
    let captured = WebhookKind::Captured { cumulative_minor };
    assert_eq!(kind("charge.captured", &charge()), captured);
    let refunded = WebhookKind::Refunded { cumulative_minor: 400 };
    assert_eq!(kind("charge.refunded", &charge()), refunded);
    assert_eq!(kind("charge.succeeded", &charge()), WebhookKind::Unknown);
}

#[test]
fn refunds_follow_their_status_whatever_the_event_is_called() {
    let (refund_ref, refund_id, amount_minor) =
        ("re_1".to_owned(), Some(OURS.parse().unwrap()), Some(400));
    let succeeded =
        WebhookKind::RefundSucceeded { refund_ref: refund_ref.clone(), refund_id, amount_minor };
    let failed = WebhookKind::RefundFailed { refund_ref, refund_id, amount_minor };
    for name in ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"] {
        for (status, expected) in [
            (json!("succeeded"), &succeeded),
            (json!("failed"), &failed),
            (json!("canceled"), &failed),
            (json!("pending"), &WebhookKind::Processing),
            (json!("requires_action"), &WebhookKind::Processing),
            (json!(null), &WebhookKind::Processing),
        ] {
            assert_eq!(kind(name, &refund(&status)), *expected, "{name} {status}");
        }
    }
}

#[test]
fn disputes_move_money_when_funds_do_and_inquiries_never() {
    let (dispute_ref, amount_minor) = ("dp_1".to_owned(), Some(300));
    let opened = WebhookKind::DisputeOpened { dispute_ref: dispute_ref.clone(), amount_minor };
    let won = WebhookKind::DisputeWon { dispute_ref: dispute_ref.clone(), amount_minor };
    let lost = WebhookKind::DisputeLost { dispute_ref, amount_minor };
    for (name, status, expected) in [
        ("created", "needs_response", &WebhookKind::Processing),
        ("funds_withdrawn", "needs_response", &opened),
        ("funds_reinstated", "under_review", &won),
        ("funds_reinstated", "won", &won),
        ("funds_reinstated", "lost", &WebhookKind::Processing),
        ("closed", "won", &won),
        ("closed", "lost", &lost),
        ("closed", "prevented", &WebhookKind::Unknown),
        ("updated", "needs_response", &WebhookKind::Unknown),
    ] {
        let name = format!("charge.dispute.{name}");
        assert_eq!(kind(&name, &dispute(status)), *expected, "{name} {status}");
    }
    for name in ["created", "funds_withdrawn", "funds_reinstated", "closed"] {
        for status in ["warning_needs_response", "warning_under_review", "warning_closed"] {
            let kind = kind(&format!("charge.dispute.{name}"), &dispute(status));
            assert_eq!(kind, WebhookKind::Processing, "{name} {status}");
        }
    }
}

#[test]
fn the_trace_that_was_sent_along_comes_back() {
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let mut object = intent();
    object["metadata"]["traceparent"] = trace.into();
    let told = read(&event("payment_intent.succeeded", &object)).unwrap().trace;
    assert_eq!(told.map(|trace| trace.to_string()).as_deref(), Some(trace));
    object["metadata"]["traceparent"] = "of another application".into();
    assert_eq!(read(&event("payment_intent.succeeded", &object)).unwrap().trace, None);
}

#[test]
fn expanded_references_and_missing_fields_of_other_versions_are_read() {
    let mut expanded = refund(&json!("succeeded"));
    expanded["payment_intent"] = intent();
    expanded["metadata"] = Value::Null;
    let read_as = read(&event("refund.created", &expanded)).unwrap();
    assert_eq!(read_as.provider_payment_id.as_deref(), Some("pi_1"));
    assert_eq!((read_as.payment_id, read_as.foreign), (None, false));
    let bare = json!({ "id": "pi_1", "currency": "usd", "metadata": { "payment_id": OURS } });
    let captured = WebhookKind::Captured { cumulative_minor: None };
    assert_eq!(kind("payment_intent.succeeded", &bare), captured);
    let thin =
        json!({ "id": "evt_1", "object": "v2.core.event", "type": "v2.x", "created": "2026" });
    assert_eq!(read(&thin).unwrap().kind, WebhookKind::Unknown);
}

#[test]
fn what_bears_no_mark_where_ours_would_is_foreign() {
    for (name, mut object) in
        [("payment_intent.succeeded", intent()), ("charge.captured", charge())]
    {
        for metadata in [json!({}), json!(null), json!({ "payment_id": "order 7" })] {
            object["metadata"] = metadata;
            assert!(read(&event(name, &object)).unwrap().foreign, "{name}");
        }
        object["currency"] = json!("usdc");
        assert_eq!(kind(name, &object), WebhookKind::Unknown, "of no concern to us");
    }
    let mut loose = dispute("lost");
    loose["payment_intent"] = Value::Null;
    assert!(read(&event("charge.dispute.closed", &loose)).unwrap().foreign);
}

#[test]
fn what_is_out_of_form_is_malformed() {
    for (pointer, value) in [
        ("/id", json!("")),
        ("/id", json!(7)),
        ("/type", json!("a\u{0}b")),
        ("/data/object", json!(null)),
        ("/data/object/id", json!("pi\u{0}1")),
        ("/data/object/amount_received", json!("2500")),
        ("/data/object/amount_received", json!(25.5)),
        ("/data/object/currency", json!("usdc")),
        ("/data/object/currency", json!(null)),
    ] {
        let mut event = event("payment_intent.succeeded", &intent());
        *event.pointer_mut(pointer).unwrap() = value.clone();
        let outcome = read(&event);
        assert!(matches!(outcome, Err(WebhookError::Malformed(_))), "{pointer} {value}");
    }
    let mut fraction = intent();
    (fraction["currency"], fraction["amount_received"]) = (json!("isk"), json!(550));
    let outcome = read(&event("payment_intent.succeeded", &fraction));
    assert!(matches!(outcome, Err(WebhookError::Malformed(_))), "{outcome:?}");
}

#[test]
fn what_changes_from_delivery_to_delivery_is_no_part_of_an_event() {
    let first = event("payment_intent.succeeded", &intent());
    let mut again = first.clone();
    again["pending_webhooks"] = json!(0);
    let mut other = first.clone();
    other["data"]["object"]["amount_received"] = json!(1);
    let [first, pretty, other] =
        [first.to_string(), serde_json::to_string_pretty(&again).unwrap(), other.to_string()]
            .map(|body| essence(body.as_bytes()).into_owned());
    assert_eq!(first, pretty);
    assert_ne!(first, other);
    assert_eq!(essence(b"{"), &b"{"[..]);
}

#[test]
fn the_other_mode_is_not_heard() {
    for (mode, live, heard) in [
        (Mode::Test, json!(false), true),
        (Mode::Test, json!(true), false),
        (Mode::Live, json!(true), true),
        (Mode::Live, json!(false), false),
        (Mode::Live, json!(null), true),
    ] {
        let mut event = event("customer.created", &json!({}));
        event["livemode"] = live;
        let outcome = parse(mode, event.to_string().as_bytes());
        assert_eq!(outcome.is_ok(), heard, "{mode}: {outcome:?}");
        assert!(heard || matches!(outcome, Err(WebhookError::WrongMode(_))));
    }
}

proptest! {
    /// Nothing that is rightly signed makes the reader fail, whatever Stripe invents.
    #[test]
    fn no_object_is_too_odd(
        at in 0..TYPES.len(),
        name in "(id|status|currency|amount|amount_received|metadata|payment_intent)",
        value in prop_oneof![
            Just(json!(null)), Just(json!([])), Just(json!({})), Just(json!(true)),
            any::<i64>().prop_map(|n| json!(n)), "[ -~]{0,12}".prop_map(|s| json!(s)),
        ],
    ) {
        for mut object in [intent(), charge(), refund(&json!("succeeded")), dispute("won")] {
            object[&name] = value.clone();
            let outcome = read(&event(TYPES[at], &object));
            prop_assert!(matches!(outcome, Ok(_) | Err(WebhookError::Malformed(_))));
        }
    }
}
