//! Every order of the same events ends the same.

use futures_util::future::join_all;
use serde_json::json;

use super::{World, part};
use crate::support::{
    donation::{Event, PATIENCE, Payment, has},
    wait::eventually,
};

fn orders(of: &[usize]) -> Vec<Vec<usize>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (at, first) in of.iter().enumerate() {
        let rest = [&of[..at], &of[at + 1..]].concat();
        all.extend(orders(&rest).into_iter().map(|order| [vec![*first], order].concat()));
    }
    all
}

/// What may happen to a payment, to be told in any order.
type Story = fn(&Payment) -> Vec<Event>;

fn refunded_in_two_parts(payment: &Payment) -> Vec<Event> {
    vec![
        payment.event("payment.authorized"),
        payment.event("payment.captured"),
        part(payment, "refund.succeeded", "re_40", 4000),
        part(payment, "refund.succeeded", "re_60", 6000),
    ]
}

fn refunded_in_vain(payment: &Payment) -> Vec<Event> {
    vec![
        payment.event("payment.authorized"),
        payment.event("payment.captured"),
        part(payment, "refund.succeeded", "re_1", 10_000),
        part(payment, "refund.failed", "re_1", 10_000),
    ]
}

fn captured_step_by_step(payment: &Payment) -> Vec<Event> {
    vec![
        payment.event("payment.captured").amount(3000),
        payment.event("payment.captured").amount(10_000),
        part(payment, "refund.succeeded", "re_1", 5000),
        part(payment, "dispute.opened", "dp_1", 7000),
    ]
}

fn disputed_and_won(payment: &Payment) -> Vec<Event> {
    vec![
        payment.event("payment.captured"),
        payment.event("payment.failed"),
        part(payment, "dispute.opened", "dp_1", 10_000),
        part(payment, "dispute.won", "dp_1", 10_000),
    ]
}

fn disputed_and_lost(payment: &Payment) -> Vec<Event> {
    vec![
        payment.event("payment.captured"),
        payment.event("payment.canceled"),
        part(payment, "dispute.opened", "dp_1", 4000),
        part(payment, "dispute.lost", "dp_1", 4000),
    ]
}

/// Tells the story to a payment in this order, each event when the one before has been judged,
/// or all `together`, and then all again.
async fn play(world: &World, story: Story, order: &[usize], together: bool) -> Payment {
    let payment = world.payment().await;
    let events = story(&payment);
    if together {
        join_all(order.iter().map(|at| events[*at].accepted(&world.client))).await;
    } else {
        let ordered: Vec<&Event> = order.iter().map(|at| &events[*at]).collect();
        world.send(&ordered).await;
    }
    for event in &events {
        assert_eq!(event.send(&world.client).await.expect(200).text("status"), "duplicate");
        eventually(PATIENCE, async || {
            let letter = world.books.letter(event).await.unwrap();
            ["applied", "ignored"].contains(&letter.status.as_str())
        })
        .await;
    }
    payment
}

/// Every order ends with this status, and this much captured, refunded and disputed.
async fn always_ends(story: Story, status: &str, [captured, refunded, disputed]: [i64; 3]) {
    let world = World::new().await;
    let orders = orders(&[0, 1, 2, 3]);
    assert_eq!(orders.len(), 24);
    let payments = join_all(orders.iter().map(|order| play(&world, story, order, false))).await;
    for (order, payment) in orders.iter().zip(payments) {
        let end = payment.read(&world.client).await;
        let expected = json!({ "status": status, "captured_minor": captured,
                               "refunded_minor": refunded, "disputed_minor": disputed });
        assert!(has(&end, &expected), "{order:?}: {end}");
    }
    world.ends_with(24 * captured, 24 * refunded, 24 * disputed).await;
    assert_eq!(world.books.count("payment.webhook_inbox").await, 96);
}

#[tokio::test]
async fn every_order_of_a_payment_and_its_refunds_ends_refunded() {
    always_ends(refunded_in_two_parts, "refunded", [10_000, 10_000, 0]).await;
}

#[tokio::test]
async fn every_order_of_a_refund_that_fails_ends_captured() {
    always_ends(refunded_in_vain, "captured", [10_000, 0, 0]).await;
}

#[tokio::test]
async fn every_order_of_two_captures_a_refund_and_a_dispute_ends_with_nothing_left() {
    always_ends(captured_step_by_step, "captured", [10_000, 5000, 5000]).await;
}

#[tokio::test]
async fn every_order_of_a_dispute_that_is_won_ends_captured() {
    always_ends(disputed_and_won, "captured", [10_000, 0, 0]).await;
}

#[tokio::test]
async fn every_order_of_a_dispute_that_is_lost_ends_with_the_rest() {
    always_ends(disputed_and_lost, "captured", [10_000, 0, 4000]).await;
}

#[tokio::test]
async fn all_at_once_at_a_server_that_has_company_ends_the_same() {
    let world = World::new().await;
    let _other = world.replica().await;

    let orders = orders(&[0, 1, 2, 3]);
    let stories = orders.iter().map(|order| play(&world, refunded_in_two_parts, order, true));
    let payments = join_all(stories).await;

    for payment in payments {
        assert_eq!(payment.read(&world.client).await["status"], "refunded");
    }
    world.ends_with(240_000, 240_000, 0).await;
}
