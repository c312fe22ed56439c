//! What is wrong is kept for a person to look at, and moves nothing.

use serde_json::{Value, json};

use super::{World, part, told};
use crate::support::donation::{Event, Payment};

/// Sends it for a payment that is captured already; nothing may come of it.
async fn quarantined(event: impl FnOnce(&Payment) -> Event, reason: &str) {
    let world = World::new().await;
    let payment = world.payment().await;
    world.send(&[&payment.event("payment.captured")]).await;
    let before = payment.read(&world.client).await;

    let event = event(&payment);
    world.send(&[&event]).await;

    world.books.comes_to(&event, "quarantined", Some(reason)).await;
    assert_eq!(payment.read(&world.client).await, before);
    let history = told(&world.client, &payment).await;
    let last = &history[history.len() - 1];
    assert_eq!(*last, (event.0["type"].as_str().unwrap().to_owned(), "quarantined".to_owned()));
    world.ends_with(10_000, 0, 0).await;
}

fn with(payment: &Payment, event_type: &str, changes: Value) -> Event {
    payment.event(event_type).data(changes)
}

#[tokio::test]
async fn a_capture_in_another_currency_moves_nothing() {
    let euros = json!({ "currency": "EUR", "amount_minor": 20_000 });
    quarantined(|payment| with(payment, "payment.captured", euros), "currency_mismatch").await;
}

#[tokio::test]
async fn a_refund_in_another_currency_moves_nothing() {
    let euros = json!({ "currency": "EUR", "refund_id": "re_1" });
    quarantined(|payment| with(payment, "refund.succeeded", euros), "currency_mismatch").await;
}

#[tokio::test]
async fn a_refund_without_an_amount_moves_nothing() {
    let blank = json!({ "amount_minor": null, "refund_id": "re_1" });
    quarantined(|payment| with(payment, "refund.succeeded", blank), "missing_amount").await;
}

#[tokio::test]
async fn an_amount_of_nothing_moves_nothing() {
    quarantined(|payment| payment.event("payment.captured").amount(0), "invalid_amount").await;
}

#[tokio::test]
async fn a_negative_refund_moves_nothing() {
    quarantined(|payment| part(payment, "refund.succeeded", "re_1", -1), "invalid_amount").await;
}

#[tokio::test]
async fn a_refund_told_with_two_amounts_counts_as_it_was_first_told() {
    let world = World::new().await;
    let payment = world.payment().await;
    let other = part(&payment, "refund.succeeded", "re_1", 5000);

    world.send(&[&payment.event("payment.captured")]).await;
    world.send(&[&part(&payment, "refund.succeeded", "re_1", 4000), &other]).await;

    world.books.comes_to(&other, "quarantined", Some("conflicting_amount")).await;
    world.ends_with(10_000, 4000, 0).await;
}

#[tokio::test]
async fn an_event_that_names_two_payments_is_of_neither() {
    let world = World::new().await;
    let (one, other) = (world.payment().await, world.payment().await);
    let torn =
        one.event("payment.captured").data(json!({ "metadata": { "payment_id": other.id } }));
    let wrong = one.event("payment.captured").data(json!({ "payment_id": "sbx_of_somebody_else" }));

    world.send(&[&torn, &wrong]).await;

    for event in [&torn, &wrong] {
        world.books.comes_to(event, "quarantined", Some("conflicting_ids")).await;
    }
    for payment in [&one, &other] {
        assert_eq!(payment.read(&world.client).await["status"], "pending");
    }
    world.ends_with(0, 0, 0).await;
}

#[tokio::test]
async fn an_event_that_is_quarantined_does_not_name_the_payment() {
    let world = World::new().await;
    let pledge = world.campaign.pledge(&world.client, 10_000).await;
    let payment = pledge.begin_payment(&world.client).await;
    // as if the bank's answer had been lost
    let forget = format!(
        "UPDATE payment.payments SET provider_payment_id = NULL WHERE id = '{}'",
        payment.id
    );
    world.books.execute(&forget).await;
    let wrong = payment.event("payment.captured");
    let wrong = wrong.data(json!({ "payment_id": "sbx_of_somebody_else", "currency": "EUR" }));

    world.send(&[&wrong]).await;
    world.books.comes_to(&wrong, "quarantined", Some("currency_mismatch")).await;
    world.send(&[&payment.event("payment.captured")]).await;

    let now = payment.read(&world.client).await;
    assert_eq!(now["provider_payment_id"], payment.provider_payment_id.as_str());
    assert_eq!(now["status"], "captured");
    world.ends_with(10_000, 0, 0).await;
}

#[tokio::test]
async fn an_amount_beyond_all_money_does_not_stop_the_campaign_s_totals() {
    let world = World::new().await;
    let (absurd, sane) = (world.payment().await, world.payment().await);
    let events = [
        absurd.event("payment.captured").amount(i64::MAX),
        part(&absurd, "refund.succeeded", "re_1", i64::MAX),
        part(&absurd, "dispute.opened", "dp_1", i64::MAX),
    ];

    world.send(&events.iter().collect::<Vec<_>>()).await;
    world.send(&[&sane.event("payment.captured")]).await;

    for event in &events {
        world.books.comes_to(event, "quarantined", Some("invalid_amount")).await;
    }
    world.ends_with(10_000, 0, 0).await;
}
