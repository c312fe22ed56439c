//! A pledge that is captured twice: recorded, counted, and given back.

use serde_json::json;

use super::Office;
use crate::support::{
    donation::{PATIENCE, Payment, Pledge, new_key},
    eventually,
};

/// Two payments of one pledge that the bank has captured both, which it has not told yet.
async fn both_captured(office: &Office) -> (Pledge, [Payment; 2]) {
    let client = &office.world.client;
    let pledge = office.world.campaign.pledge(client, 10_000).await;
    let first = pledge.begin_payment(client).await;
    office.world.send(&[&first.event("payment.canceled")]).await;
    pledge.becomes(client, "failed").await;
    let second = pledge.pay(client, "pm_silent").await;
    first.confirm(client, "pm_silent").await;
    (pledge, [first, second])
}

async fn given_back(office: &Office, pledge: &Pledge, payment: &Payment) {
    payment.becomes(&office.world.client, "refunded").await;
    office.refunded(pledge, 10_000).await;
    assert_eq!(pledge.read(&office.world.client).await["status"], "completed");
    assert_eq!(payment.bank_refunds(&office.world.client).await.len(), 1);
    office.world.ends_with(20_000, 10_000, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_capture_of_a_pledge_is_counted_and_given_back() {
    let office = Office::new().await;
    let (pledge, [first, second]) = both_captured(&office).await;
    office.world.send(&[&second.event("payment.captured"), &first.event("payment.captured")]).await;
    given_back(&office, &pledge, &first).await;
    // told again, it is given back once
    office.world.send(&[&first.event("payment.captured"), &second.event("payment.captured")]).await;
    office.world.ends_with(20_000, 10_000, 0).await;
    let metrics = office.world.server.metrics_text().await;
    assert!(metrics.contains("payment_second_captures_total{provider=\"sandbox\"} 1"), "{metrics}");
    // what is left is still the donor's to get back
    second
        .act(&office.world.client, &office.admin, &new_key(), "refunds")
        .json(json!({}))
        .send()
        .await
        .expect(202);
    pledge.becomes(&office.world.client, "refunded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_captures_at_once_on_two_replicas_one_is_given_back() {
    let office = Office::new().await;
    let replica = office.world.replica().await;
    let (pledge, payments) = both_captured(&office).await;
    let [one, other] = payments.each_ref().map(|payment| payment.event("payment.captured"));
    let clients = [office.world.client.clone(), replica.client()];
    futures_util::join!(one.accepted(&clients[0]), other.accepted(&clients[1]));
    let refunded = eventually(PATIENCE, || async {
        for payment in &payments {
            if payment.read(&clients[0]).await["status"] == "refunded" {
                return Some(payment);
            }
        }
        None
    })
    .await;
    given_back(&office, &pledge, refunded).await;
}
