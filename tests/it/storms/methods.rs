//! The bank's own ways of telling, from the donor's confirmation to the totals.

use serde_json::json;

use super::{World, told};
use crate::support::{donation::PATIENCE, wait::eventually};

#[tokio::test]
async fn each_webhook_five_times_is_one_capture() {
    let world = World::new().await;
    let pledge = world.campaign.pledge(&world.client, 10_000).await;
    let payment = pledge.pay(&world.client, "pm_duplicates").await;

    pledge.becomes(&world.client, "completed").await;
    all_told(&world, 2).await;

    world.ends_with(10_000, 0, 0).await;
    assert_eq!(world.books.count("payment.ledger").await, 1);
    assert_eq!(payment.bank_has(&world.client).await["captures"], 1);
}

/// Waits until the bank has nothing more to say, having said this many things.
async fn all_told(world: &World, events: i64) {
    eventually(PATIENCE, async || {
        world.books.count("sandbox.events WHERE delivered_at IS NULL").await == 0
    })
    .await;
    assert_eq!(world.books.count("payment.webhook_inbox").await, events);
}

#[tokio::test]
async fn captured_first_ends_captured() {
    let world = World::new().await;
    let pledge = world.campaign.pledge(&world.client, 10_000).await;
    let payment = pledge.pay(&world.client, "pm_capture_first").await;

    pledge.becomes(&world.client, "completed").await;
    all_told(&world, 2).await;

    world.ends_with(10_000, 0, 0).await;
    let history = told(&world.client, &payment).await;
    assert_eq!(history.last().unwrap().0, "payment.authorized");
    assert_ne!(history.last().unwrap().1, "applied");
}

#[tokio::test]
async fn a_bank_that_says_nothing_leaves_the_payment_pending_until_it_is_told() {
    let world = World::new().await;
    let pledge = world.campaign.pledge(&world.client, 10_000).await;
    let payment = pledge.pay(&world.client, "pm_silent").await;
    world.ends_with(0, 0, 0).await;
    assert_eq!(payment.read(&world.client).await["status"], "pending");
    assert_eq!(payment.bank_has(&world.client).await["status"], "captured");

    // its support sends them after all
    let path = format!("/api/v1/sandbox/payments/{}/redeliver", payment.provider_payment_id);
    world.client.post(&path).json(json!({ "copies": 3 })).send().await.expect(202);

    pledge.becomes(&world.client, "completed").await;
    world.ends_with(10_000, 0, 0).await;
}

#[tokio::test]
async fn a_refund_that_a_silent_bank_tells_of_brings_its_capture_along() {
    let world = World::new().await;
    let pledge = world.campaign.pledge(&world.client, 10_000).await;
    let payment = pledge.pay(&world.client, "pm_silent").await;

    world.send(&[&super::part(&payment, "refund.succeeded", "re_1", 4000)]).await;

    pledge.becomes(&world.client, "completed").await;
    world.ends_with(10_000, 4000, 0).await;
}

#[tokio::test]
async fn a_disputed_gift_is_disputed() {
    let world = World::new().await;
    let pledge = world.campaign.pledge(&world.client, 10_000).await;
    pledge.pay(&world.client, "pm_dispute").await;

    pledge.becomes(&world.client, "disputed").await;
    all_told(&world, 3).await;

    world.ends_with(10_000, 0, 10_000).await;
}
