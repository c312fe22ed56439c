//! The same request many times at once.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::json;

use super::{PAYMENTS, PLEDGES, Replicas};
use crate::support::donation::{Campaign, bank_payments, new_key, promise};

async fn one_pledge_from_a_hundred_posts(replicas: usize, redis: bool) {
    let replicas = Replicas::start(replicas, redis).await;
    let client = replicas.client();
    let campaign = Campaign::open(&client).await;
    let (key, gift) = (new_key(), campaign.gift(2500));
    let clients = replicas.clients(100);
    let answers = join_all(clients.iter().map(|client| promise(client, &key, &gift))).await;
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect(201)).collect();
    let bodies: HashSet<_> = answers.iter().map(|a| a.body.to_string()).collect();
    assert_eq!(bodies.len(), 1, "one answer for all, guest token included");
    let first = |a: &&_| crate::support::Response::header(a, "idempotent-replayed").is_none();
    assert_eq!(answers.iter().filter(first).count(), 1, "the others are said to be replays");
    assert_eq!(replicas.count(PLEDGES).await, 1);
    campaign.totals_become(&client, json!({ "pledged_minor": 2500 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_posts_with_one_key_are_one_pledge() {
    one_pledge_from_a_hundred_posts(1, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_posts_with_one_key_are_one_pledge_on_two_replicas() {
    one_pledge_from_a_hundred_posts(2, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_posts_with_one_key_are_one_pledge_on_two_replicas_with_redis() {
    one_pledge_from_a_hundred_posts(2, true).await;
}

/// Parallel payments of one pledge; `keys` of them, over two replicas, end in one charge.
async fn one_charge(requests: usize, same_key: bool) {
    let replicas = Replicas::start(2, false).await;
    let client = replicas.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 2500).await;
    let keys: Vec<_> = (0..requests).map(|_| new_key()).collect();
    let clients = replicas.clients(requests);
    let answers = join_all(clients.iter().zip(&keys).map(|(client, key)| {
        let key = if same_key { &keys[0] } else { key };
        pledge.pay_with(client, key, json!({ "payment_method": "pm_success" })).send()
    }))
    .await;
    let made: HashSet<_> =
        answers.iter().filter(|a| a.status == 201).map(|a| a.text("id")).collect();
    assert_eq!(made.len(), 1);
    let id = made.into_iter().next().unwrap();
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        if same_key {
            let busy = answer.expect_problem(409, "idempotency-in-progress");
            assert_eq!(busy.header("retry-after"), Some("1"));
        } else {
            let active = answer.expect_problem(409, "payment-already-active");
            assert_eq!(active.text("payment_id"), id);
        }
    }
    assert_eq!(bank_payments(&client, &id).await.len(), 1);
    assert_eq!(replicas.count(PAYMENTS).await, 1);
    assert_eq!(replicas.count("SELECT count(*) FROM sandbox.payments").await, 1);
    pledge.becomes(&client, "completed").await;
    let counted = json!({ "captured_minor": 2500, "donation_count": 1, "pledged_minor": 2500 });
    campaign.totals_become(&client, counted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_payments_with_one_key_are_one_charge() {
    one_charge(50, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_keys_for_one_pledge_are_one_charge() {
    one_charge(20, false).await;
}
