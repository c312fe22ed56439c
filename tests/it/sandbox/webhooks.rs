//! What each payment method makes the bank say, how often and in which order.

use std::collections::BTreeMap;

use careforall::{
    kernel::clock,
    modules::payment::api::{CaptureMethod, CreateRequest, Provider, WebhookKind},
    platform::telemetry::{self, TraceContext},
};

use super::world::{SECRET, World, method, request, types};

const AUTHORIZED: &str = "payment.authorized";
const CAPTURED: &str = "payment.captured";
const FAILED: &str = "payment.failed";

#[tokio::test]
async fn each_method_is_told_in_its_own_way() {
    let (world, worker) = World::at_work().await;
    for (method, expected) in [
        ("pm_success", vec![AUTHORIZED, CAPTURED]),
        ("pm_declined", vec![FAILED]),
        ("pm_insufficient_funds", vec![FAILED]),
        ("pm_authorize_only", vec![AUTHORIZED]),
        ("pm_capture_first", vec![CAPTURED, AUTHORIZED]),
        ("pm_silent", vec![]),
        ("pm_refund_fails", vec![AUTHORIZED, CAPTURED]),
        ("pm_dispute", vec![AUTHORIZED, CAPTURED, "dispute.opened"]),
    ] {
        world.receiver.arrivals.lock().unwrap().clear();
        let id = world.pay(method).await;
        let arrivals = world.all_said().await;
        assert_eq!(types(&arrivals), expected, "{method}");
        assert!(arrivals.iter().all(|a| a.text("/data/payment_id") == id));
    }
    // what is silent happened all the same, and is listed for whoever asks
    let silent = "SELECT count(*) FROM sandbox.events WHERE copies = 0 AND attempts = 0";
    assert_eq!(world.count(silent).await, 2);
    worker.stop().await;
}

#[tokio::test]
async fn duplicates_come_five_times_each() {
    let (world, worker) = World::at_work().await;
    world.pay("pm_duplicates").await;
    world.all_said().await;
    let arrivals = world.arrived(10).await;
    let mut times = BTreeMap::new();
    for arrival in &arrivals {
        *times.entry(arrival.text("/id")).or_insert(0) += 1;
    }
    assert_eq!(times.into_values().collect::<Vec<_>>(), [5, 5]);
    worker.stop().await;
}

#[tokio::test]
async fn manual_capture_only_authorizes_until_it_is_asked_to_capture() {
    let (world, worker) = World::at_work().await;
    let manual = CreateRequest { capture_method: CaptureMethod::Manual, ..request(None) };
    let id = world.make(&manual).await;
    world.bank.confirm(&id, &method("pm_success")).await.unwrap();
    assert_eq!(types(&world.all_said().await), [AUTHORIZED]);
    assert_eq!(world.bank.capture(&id).await.unwrap().captured_minor, 2500);
    let again = world.bank.capture(&id).await.unwrap();
    assert_eq!(again.captures, 1, "a payment is captured once");
    assert_eq!(types(&world.all_said().await), [AUTHORIZED, CAPTURED]);
    worker.stop().await;
}

#[tokio::test]
async fn an_event_has_the_promised_form_and_a_signature_that_others_accept() {
    let (world, worker) = World::at_work().await;
    let (request, trace) = (request(Some("pm_dispute")), TraceContext::root());
    let id = telemetry::scope(trace, world.make(&request)).await;
    let arrivals = world.all_said().await;
    let oracle = standardwebhooks::Webhook::new(SECRET).unwrap();
    for arrival in &arrivals {
        let (json, header) =
            (arrival.json(), |n: &str| arrival.headers.get(n).unwrap().to_str().unwrap());
        world.provider.verify(&arrival.headers, &arrival.body, clock::now()).unwrap();
        let event = world.provider.parse(Some(&arrival.headers), &arrival.body).unwrap();
        let timestamp = header("webhook-timestamp").parse().unwrap();
        let signature = oracle.sign(&event.event_id, timestamp, &arrival.body).unwrap();
        assert_eq!(header("webhook-signature"), signature);
        assert_eq!(header("content-type"), "application/json");
        assert!(header("traceparent").contains(&trace.trace_id()));
        assert!(event.event_id.starts_with("evt_"));
        assert_eq!(event.provider_payment_id.as_deref(), Some(id.as_str()));
        assert_eq!(event.payment_id, Some(request.payment_id));
        assert_eq!(event.currency, Some(request.currency));
        assert!(json["created_at"].as_str().unwrap().ends_with('Z'));
        assert_eq!(json["data"]["amount_minor"], 2500);
        if let WebhookKind::DisputeOpened { dispute_ref, .. } = &event.kind {
            assert!(dispute_ref.starts_with("dp_"));
        }
        let mut tampered = arrival.body.clone();
        tampered.push(b' ');
        assert!(world.provider.verify(&arrival.headers, &tampered, clock::now()).is_err());
    }
    assert_eq!(arrivals.len(), 3);
    worker.stop().await;
}
