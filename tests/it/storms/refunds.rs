//! Refunds, whatever comes first.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{World, part};

#[tokio::test]
async fn a_refund_before_its_capture_never_shows_less_than_nothing() {
    let world = World::new().await;
    let payment = world.payment().await;
    let refund = part(&payment, "refund.succeeded", "re_1", 4000);
    let done = AtomicBool::new(false);

    let watch = async {
        let mut looks = 0;
        while !done.load(Ordering::Relaxed) {
            let totals = world.campaign.totals(&world.client).await;
            for name in ["net_minor", "captured_minor", "refunded_minor", "disputed_minor"] {
                assert!(totals[name].as_i64().unwrap() >= 0, "{totals}");
            }
            let [captured, refunded] =
                ["captured_minor", "refunded_minor"].map(|name| &totals[name]);
            assert!(
                *refunded == 0 || *captured == 10_000,
                "a refund without its capture: {totals}"
            );
            looks += 1;
        }
        looks
    };
    let act = async {
        world.send(&[&refund]).await;
        world.books.comes_to(&refund, "deferred", Some("capture_unknown")).await;
        world.send(&[&payment.event("payment.captured")]).await;
        world.books.becomes(&refund, "applied").await;
        world.ends_with(10_000, 4000, 0).await;
        done.store(true, Ordering::Relaxed);
    };
    let (looks, ()) = futures_util::join!(watch, act);

    assert!(looks > 0);
    assert_eq!(payment.read(&world.client).await["status"], "captured");
}

#[tokio::test]
async fn a_refund_that_fails_after_it_succeeded_is_restored() {
    let world = World::new().await;
    let pledge = world.campaign.pledge(&world.client, 10_000).await;
    let payment = pledge.begin_payment(&world.client).await;

    world.send(&[&payment.event("payment.captured")]).await;
    world.send(&[&part(&payment, "refund.succeeded", "re_1", 10_000)]).await;
    pledge.becomes(&world.client, "refunded").await;
    world.ends_with(10_000, 10_000, 0).await;
    let failed = part(&payment, "refund.failed", "re_1", 10_000);
    world.send(&[&failed, &part(&payment, "refund.failed", "re_1", 10_000)]).await;

    pledge.becomes(&world.client, "completed").await;
    assert_eq!(payment.read(&world.client).await["status"], "captured");
    world.ends_with(10_000, 0, 0).await;
}

#[tokio::test]
async fn a_refund_that_succeeds_after_it_failed_has_failed() {
    let world = World::new().await;
    let payment = world.payment().await;

    world.send(&[&payment.event("payment.captured")]).await;
    world.send(&[&part(&payment, "refund.failed", "re_1", 10_000)]).await;
    world.send(&[&part(&payment, "refund.succeeded", "re_1", 10_000)]).await;

    assert_eq!(payment.read(&world.client).await["status"], "captured");
    world.ends_with(10_000, 0, 0).await;
}

#[tokio::test]
async fn two_partial_refunds_are_two_and_one_told_twice_is_one() {
    let world = World::new().await;
    let payment = world.payment().await;

    world.send(&[&payment.event("payment.captured")]).await;
    for reference in ["re_1", "re_2", "re_2"] {
        world.send(&[&part(&payment, "refund.succeeded", reference, 3000)]).await;
    }

    world.ends_with(10_000, 6000, 0).await;
}

#[tokio::test]
async fn more_refunded_than_captured_is_clamped_until_more_is_captured() {
    let world = World::new().await;
    let payment = world.payment().await;
    let captured = |minor| payment.event("payment.captured").amount(minor);

    world.send(&[&captured(5000)]).await;
    world.send(&[&part(&payment, "refund.succeeded", "re_1", 7000)]).await;
    world.ends_with(5000, 5000, 0).await;
    assert_eq!(payment.read(&world.client).await["status"], "refunded");
    world.send(&[&captured(10_000)]).await;

    let status = payment.read(&world.client).await["status"].clone();
    assert_eq!(status, "captured");
    world.ends_with(10_000, 7000, 0).await;
}
