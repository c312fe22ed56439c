//! Every order of the same events ends the same.

use futures_util::future::join_all;
use serde_json::Value;

use super::{World, part};
use crate::support::donation::{Event, Payment};

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

fn events(payment: &Payment) -> [Event; 4] {
    [
        payment.event("payment.authorized"),
        payment.event("payment.captured"),
        part(payment, "refund.succeeded", "re_40", 4000),
        part(payment, "refund.succeeded", "re_60", 6000),
    ]
}

/// Sends the events in this order, each when the one before has been judged, and then all again.
async fn play(world: &World, order: &[usize], together: bool) -> Value {
    let payment = world.payment().await;
    let events = events(&payment);
    if together {
        join_all(order.iter().map(|at| events[*at].accepted(&world.client))).await;
    } else {
        let ordered: Vec<&Event> = order.iter().map(|at| &events[*at]).collect();
        world.send(&ordered).await;
    }
    for at in order {
        assert_eq!(events[*at].send(&world.client).await.expect(200).text("status"), "duplicate");
    }
    payment.becomes(&world.client, "refunded").await;
    for refund in &events[2..] {
        world.books.becomes(refund, "applied").await;
    }
    let end = payment.read(&world.client).await;
    let members = ["status", "captured_minor", "refunded_minor", "disputed_minor"];
    members.iter().map(|name| end[name].clone()).collect()
}

#[tokio::test]
async fn every_order_of_a_payment_and_its_refunds_ends_the_same() {
    let world = World::new().await;
    let orders = orders(&[0, 1, 2, 3]);
    assert_eq!(orders.len(), 24);

    let ends = join_all(orders.iter().map(|order| play(&world, order, false))).await;

    for (order, end) in orders.iter().zip(ends) {
        assert_eq!(end, serde_json::json!(["refunded", 10_000, 10_000, 0]), "{order:?}");
    }
    world.ends_with(240_000, 240_000, 0).await;
    assert_eq!(world.books.count("payment.webhook_inbox").await, 96);
}

#[tokio::test]
async fn all_at_once_at_a_server_that_has_company_ends_the_same() {
    let world = World::new().await;
    let _other = world.replica().await;

    let orders = orders(&[0, 1, 2, 3]);
    let ends = join_all(orders.iter().map(|order| play(&world, order, true))).await;

    assert!(ends.iter().all(|end| *end == serde_json::json!(["refunded", 10_000, 10_000, 0])));
    world.ends_with(240_000, 240_000, 0).await;
}
