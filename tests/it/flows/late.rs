//! Payments that are made at the bank after they were given up here, and keys that go on after it.

use serde_json::json;

use super::count;
use crate::support::{
    donation::{Campaign, PATIENCE, bank_payments, builder, new_key, plan_fault},
    eventually,
    postgres::execute,
};

const LONG_AGO: &str = "UPDATE payment.payments SET called_at = now() - interval '2 minutes'";
const OPEN_INTENTS: &str = "SELECT count(*) FROM payment.cancel_intents WHERE done_at IS NULL";
const DONE_INTENTS: &str = "SELECT count(*) FROM payment.cancel_intents WHERE done_at IS NOT NULL";
const OPEN_KEYS: &str = "SELECT count(*) FROM bus.idempotency_key WHERE finished_at IS NULL";

/// A request so slow that its payment is found nowhere, is closed, and then made after all. Where
/// another attempt has taken over, its answer is refused; what it has made is cancelled all the same.
async fn made_after_it_was_closed(fenced: bool) {
    let server = builder().start().await;
    let (client, url) = (server.client(), server.database().url());
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    let database = server.database().client().await;
    // the bank can be asked, but nothing is made there
    database.batch_execute("BEGIN; LOCK TABLE sandbox.payments IN SHARE MODE").await.unwrap();
    let request = tokio::spawn(pledge.pay_with(&client, &new_key(), json!({})).send());
    let id = eventually(PATIENCE, || async {
        pledge.read(&client).await["payment_id"].as_str().map(str::to_owned)
    })
    .await;
    execute(&url, LONG_AGO);
    pledge.cancel(&client, &new_key()).send().await.expect(200);
    eventually(PATIENCE, || async { count(&url, DONE_INTENTS).await == 1 }).await;
    assert!(bank_payments(&client, &id).await.is_empty());
    if fenced {
        execute(
            &url,
            "UPDATE bus.idempotency_key SET attempt = attempt + 1 WHERE finished_at IS NULL",
        );
    }
    database.batch_execute("COMMIT").await.unwrap();
    let answer = request.await.unwrap();
    if fenced {
        answer.expect_problem(409, "idempotency-in-progress");
    } else {
        answer.expect(201);
    }
    eventually(PATIENCE, || async {
        bank_payments(&client, &id).await.iter().all(|made| made["status"] == "canceled")
    })
    .await;
    assert_eq!(bank_payments(&client, &id).await.len(), 1);
    eventually(PATIENCE, || async { count(&url, OPEN_INTENTS).await == 0 }).await;
    pledge.becomes(&client, "cancelled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_made_after_it_was_closed_is_cancelled() {
    made_after_it_was_closed(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_made_by_a_zombie_after_it_was_closed_is_cancelled() {
    made_after_it_was_closed(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_waits_for_what_may_be_on_its_way_again() {
    let server = builder().start().await;
    let (client, url) = (server.client(), server.database().url());
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    plan_fault(&client, "create", "fail", 2, 0).await;
    let key = new_key();
    let pay = || pledge.pay_with(&client, &key, json!({})).send();
    pay().await.expect_problem(503, "provider-unavailable");
    execute(&url, "UPDATE payment.payments SET created_at = now() - interval '1 hour'");
    execute(&url, LONG_AGO);
    // resumed: the clock runs from here
    pay().await.expect_problem(503, "provider-unavailable");
    pledge.cancel(&client, &new_key()).send().await.expect(200);
    let tried = "SELECT count(*) FROM payment.cancel_intents WHERE last_error IS NOT NULL";
    eventually(PATIENCE, || async { count(&url, tried).await == 1 }).await;
    assert_eq!(count(&url, OPEN_INTENTS).await, 1, "it waits");
    execute(&url, LONG_AGO);
    eventually(PATIENCE, || async { count(&url, OPEN_INTENTS).await == 0 }).await;
    assert_eq!(count(&url, "SELECT count(*) FROM payment.payments WHERE closed").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_given_back_when_its_pledge_was_cancelled() {
    let server = builder().start().await;
    let (client, url) = (server.client(), server.database().url());
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    plan_fault(&client, "create", "fail", 1, 0).await;
    let key = new_key();
    let pay = || pledge.pay_with(&client, &key, json!({})).send();
    pay().await.expect_problem(503, "provider-unavailable");
    assert_eq!(count(&url, OPEN_KEYS).await, 1);
    pledge.cancel(&client, &new_key()).send().await.expect(200);
    for _ in 0..2 {
        pay().await.expect_problem(409, "pledge-not-payable");
        assert_eq!(count(&url, OPEN_KEYS).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_payment_was_closed_begins_another() {
    let server = builder().start().await;
    let (client, url) = (server.client(), server.database().url());
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    plan_fault(&client, "create", "fail", 1, 0).await;
    let (key, with) = (new_key(), json!({ "payment_method": "pm_success" }));
    let pay = || pledge.pay_with(&client, &key, with.clone()).send();
    pay().await.expect_problem(503, "provider-unavailable");
    let closed = pledge.read(&client).await["payment_id"].as_str().unwrap().to_owned();
    execute(&url, "UPDATE payment.payments SET status = 'failed', closed = true");
    let payment = pledge.made(pay().await);
    assert_ne!(payment.id, closed);
    pledge.becomes(&client, "completed").await;
    assert_eq!(pay().await.expect(201).text("id"), payment.id);
    assert!(bank_payments(&client, &closed).await.is_empty());
}
