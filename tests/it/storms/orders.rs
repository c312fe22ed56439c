//! Neither arrival nor the provider's clock says anything about order.

use super::{World, pairs, told};

#[tokio::test]
async fn captured_before_authorized_ends_captured() {
    let world = World::new().await;
    let payment = world.payment().await;
    let (captured, late) = (payment.event("payment.captured"), payment.event("payment.authorized"));

    world.send(&[&captured, &late]).await;

    world.books.comes_to(&late, "ignored", Some("outdated")).await;
    let history = told(&world.client, &payment).await;
    let expected = [("payment.captured", "applied"), ("payment.authorized", "stale")];
    assert_eq!(history[history.len() - 2..], pairs(&expected));
    assert_eq!(payment.read(&world.client).await["status"], "captured");
    world.ends_with(10_000, 0, 0).await;
}

#[tokio::test]
async fn failed_after_captured_changes_nothing() {
    let world = World::new().await;
    let payment = world.payment().await;
    let (captured, late) = (payment.event("payment.captured"), payment.event("payment.failed"));

    world.send(&[&captured, &late]).await;

    world.books.comes_to(&late, "ignored", Some("outdated")).await;
    assert_eq!(payment.read(&world.client).await["status"], "captured");
    world.ends_with(10_000, 0, 0).await;
}

#[tokio::test]
async fn failed_then_captured_is_captured_late() {
    let world = World::new().await;
    let pledge = world.campaign.pledge(&world.client, 10_000).await;
    let payment = pledge.begin_payment(&world.client).await;

    world.send(&[&payment.event("payment.failed")]).await;
    pledge.becomes(&world.client, "failed").await;
    world.campaign.totals_become(&world.client, serde_json::json!({ "pledged_minor": 0 })).await;
    world.send(&[&payment.event("payment.captured")]).await;

    pledge.becomes(&world.client, "completed").await;
    world.ends_with(10_000, 0, 0).await;
}

#[tokio::test]
async fn canceled_then_captured_is_captured() {
    let world = World::new().await;
    let payment = world.payment().await;

    world.send(&[&payment.event("payment.canceled")]).await;
    assert_eq!(payment.read(&world.client).await["status"], "failed");
    world.send(&[&payment.event("payment.captured")]).await;

    assert_eq!(payment.read(&world.client).await["status"], "captured");
    world.ends_with(10_000, 0, 0).await;
}

#[tokio::test]
async fn canceled_after_captured_changes_nothing_and_says_so() {
    let world = World::new().await;
    let payment = world.payment().await;
    let (captured, late) = (payment.event("payment.captured"), payment.event("payment.canceled"));

    world.send(&[&captured, &late]).await;

    world.books.comes_to(&late, "ignored", Some("canceled_after_capture")).await;
    world.ends_with(10_000, 0, 0).await;
}

#[tokio::test]
async fn a_larger_cumulative_capture_adds_the_difference_and_a_smaller_one_nothing() {
    let world = World::new().await;
    let payment = world.payment().await;
    let captured = |minor| payment.event("payment.captured").amount(minor);

    world.send(&[&captured(4000)]).await;
    assert_eq!(payment.read(&world.client).await["amount_mismatch"], true);
    world.ends_with(4000, 0, 0).await;
    world.send(&[&captured(10_000)]).await;
    assert_eq!(payment.read(&world.client).await["amount_mismatch"], false);
    world.ends_with(10_000, 0, 0).await;
    world.send(&[&captured(3000), &captured(10_000)]).await;

    world.ends_with(10_000, 0, 0).await;
    assert_eq!(world.books.count("payment.ledger WHERE delta_minor = 6000").await, 1);
    assert_eq!(world.books.count("payment.ledger").await, 2);
}

#[tokio::test]
async fn another_amount_than_promised_is_recorded_and_flagged() {
    let world = World::new().await;
    let payment = world.payment().await;

    world.send(&[&payment.event("payment.captured").amount(12_345)]).await;

    let now = payment.read(&world.client).await;
    assert_eq!((&now["captured_minor"], &now["amount_mismatch"]), (&12_345.into(), &true.into()));
    world.ends_with(12_345, 0, 0).await;
}

#[tokio::test]
async fn what_moves_nothing_is_ignored_and_leaves_a_row() {
    let world = World::new().await;
    let payment = world.payment().await;
    let processing = payment.event("payment.processing");
    let unknown = payment.event("payment.wrapped_in_paper");

    world.send(&[&processing, &unknown]).await;

    world.books.comes_to(&processing, "ignored", Some("ignored")).await;
    world.books.comes_to(&unknown, "ignored", Some("unknown_type")).await;
    let history = told(&world.client, &payment).await;
    let expected = [("payment.processing", "ignored"), ("payment.wrapped_in_paper", "ignored")];
    assert_eq!(history[history.len() - 2..], pairs(&expected));
    assert_eq!(payment.read(&world.client).await["status"], "pending");
    world.ends_with(0, 0, 0).await;
}

#[tokio::test]
async fn an_unknown_type_that_names_no_payment_is_ignored() {
    let world = World::new().await;
    let stranger = world.payment().await.event("bank.holiday");
    let nothing = serde_json::json!({ "payment_id": null, "metadata": null });

    let event = stranger.data(nothing);
    event.accepted(&world.client).await;

    world.books.comes_to(&event, "ignored", Some("unknown_type")).await;
}
