//! Disputes: the bank takes money back, and may return it.

use super::{World, part};

#[tokio::test]
async fn a_dispute_larger_than_the_capture_leaves_nothing_and_not_less() {
    let world = World::new().await;
    let pledge = world.campaign.pledge(&world.client, 10_000).await;
    let payment = pledge.begin_payment(&world.client).await;

    world.send(&[&payment.event("payment.captured")]).await;
    world.send(&[&part(&payment, "dispute.opened", "dp_1", 12_000)]).await;

    pledge.becomes(&world.client, "disputed").await;
    world.ends_with(10_000, 0, 10_000).await;
}

#[tokio::test]
async fn a_dispute_won_twice_is_restored_once() {
    let world = World::new().await;
    let pledge = world.campaign.pledge(&world.client, 10_000).await;
    let payment = pledge.begin_payment(&world.client).await;
    let said = |word| part(&payment, word, "dp_1", 10_000);

    world.send(&[&payment.event("payment.captured"), &said("dispute.opened")]).await;
    pledge.becomes(&world.client, "disputed").await;
    world.send(&[&said("dispute.won"), &said("dispute.won")]).await;

    pledge.becomes(&world.client, "completed").await;
    world.ends_with(10_000, 0, 0).await;
}

#[tokio::test]
async fn a_dispute_won_before_it_was_opened_is_won() {
    let world = World::new().await;
    let payment = world.payment().await;
    let said = |word| part(&payment, word, "dp_1", 10_000);

    world.send(&[&payment.event("payment.captured")]).await;
    world.send(&[&said("dispute.won"), &said("dispute.opened")]).await;

    world.ends_with(10_000, 0, 0).await;
}

#[tokio::test]
async fn a_dispute_that_is_lost_stays_withdrawn() {
    let world = World::new().await;
    let payment = world.payment().await;
    let said = |word| part(&payment, word, "dp_1", 4000);

    world.send(&[&payment.event("payment.captured"), &said("dispute.opened")]).await;
    world.ends_with(10_000, 0, 4000).await;
    world.send(&[&said("dispute.lost"), &said("dispute.opened")]).await;

    world.ends_with(10_000, 0, 4000).await;
}

#[tokio::test]
async fn a_dispute_before_its_capture_waits_for_it() {
    let world = World::new().await;
    let payment = world.payment().await;
    let dispute = part(&payment, "dispute.opened", "dp_1", 10_000);

    world.send(&[&dispute]).await;
    world.books.comes_to(&dispute, "deferred", Some("capture_unknown")).await;
    world.ends_with(0, 0, 0).await;
    world.send(&[&payment.event("payment.captured")]).await;

    world.books.becomes(&dispute, "applied").await;
    world.ends_with(10_000, 0, 10_000).await;
}

#[tokio::test]
async fn a_dispute_gives_way_to_a_refund_and_counts_again_when_it_fails() {
    let world = World::new().await;
    let payment = world.payment().await;

    world.send(&[&payment.event("payment.captured")]).await;
    world.send(&[&part(&payment, "dispute.opened", "dp_1", 10_000)]).await;
    world.send(&[&part(&payment, "refund.succeeded", "re_1", 10_000)]).await;
    world.ends_with(10_000, 10_000, 0).await;
    world.send(&[&part(&payment, "refund.failed", "re_1", 10_000)]).await;

    world.ends_with(10_000, 0, 10_000).await;
}

#[tokio::test]
async fn a_dispute_both_won_and_lost_is_left_to_a_person() {
    let world = World::new().await;
    let payment = world.payment().await;
    let said = |word| part(&payment, word, "dp_1", 10_000);
    let contradiction = said("dispute.lost");

    world.send(&[&payment.event("payment.captured"), &said("dispute.won"), &contradiction]).await;

    // the bank, asked, does not tell of disputes
    let reason = Some("conflicting_verdict");
    world.books.comes_to(&contradiction, "quarantined", reason).await;
    world.ends_with(10_000, 0, 0).await;
}
