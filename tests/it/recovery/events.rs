//! Webhooks that never came, read from the provider's own list.

use serde_json::{Value, json};

use super::{NOWHERE, read_once, sweeping};
use crate::support::{
    Client,
    donation::{Campaign, PATIENCE, Payment, builder},
    eventually,
    server::Builder,
    webhooks::Books,
};

fn reading() -> Builder {
    let builder = sweeping().env("CAREFORALL_SWEEPER__EVENTS_EVERY_SECONDS", "1");
    // only the list tells
    builder.env("CAREFORALL_SWEEPER__PENDING_AFTER_SECONDS", "3600")
}

async fn at_bank(client: &Client, payment: &Payment, what: &str, minor: i64) -> Value {
    let path = format!("/api/v1/sandbox/payments/{}/{what}", payment.provider_payment_id);
    let answer = client.post(&path).json(json!({ "amount_minor": minor })).send().await;
    assert!((200..300).contains(&answer.status), "{:#}", answer.body);
    answer.body
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_dropped_for_an_hour_converge() {
    let server = reading().env(NOWHERE.0, NOWHERE.1).start().await;
    let url = server.database().url();
    let replica = reading().env(NOWHERE.0, NOWHERE.1).database_url(&url).start().await;
    let (client, other) = (server.client(), replica.client());
    let campaign = Campaign::open(&client).await;
    let captured = campaign.pledge(&client, 10_000).await.pay(&client, "pm_success").await;
    let silent = campaign.pledge(&other, 2000).await.pay(&other, "pm_silent").await;
    let failed = campaign.pledge(&client, 300).await.begin_payment(&client).await;
    failed.confirm(&client, "pm_declined").await;
    // made at the bank's own counter: nobody here has asked for it
    at_bank(&client, &captured, "refunds", 4000).await;
    at_bank(&other, &captured, "disputes", 1000).await;
    for payment in [&captured, &silent] {
        payment.becomes(&client, "captured").await;
    }
    failed.becomes(&other, "failed").await;
    let sums = json!({ "captured_minor": 12_000, "refunded_minor": 4000, "disputed_minor": 1000,
                       "net_minor": 7000 });
    campaign.totals_become(&client, sums).await;
    // late: the donor tries again, and the capture is heard of as well
    failed.confirm(&client, "pm_success").await;
    failed.becomes(&client, "captured").await;
    let books = Books::open(&url).await;
    books.balance().await;
    let listed = books.count("sandbox.events").await;
    assert_eq!(books.count("payment.webhook_inbox").await, listed, "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shorter_time_between_two_readings_holds_at_once() {
    // reads once, and then not for a day
    let server = sweeping().env("CAREFORALL_SWEEPER__PENDING_AFTER_SECONDS", "3600").start().await;
    let (client, url) = (server.client(), server.database().url());
    let books = Books::open(&url).await;
    read_once(&books).await;
    let pledge = Campaign::open(&client).await.pledge(&client, 700).await;
    pledge.pay(&client, "pm_silent").await;
    let far = "payment.provider_cursors WHERE next_poll_at > now() + interval '20 hours'";
    assert_eq!(books.count(far).await, 1);

    let reader = reading().database_url(&url).start().await;

    pledge.becomes(&reader.client(), "completed").await;
    books.balance().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_webhook_brought_is_not_applied_again_and_the_cursor_never_moves_back() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    for _ in 0..3 {
        let pledge = campaign.pledge(&client, 700).await;
        pledge.pay(&client, "pm_success").await;
        pledge.becomes(&client, "completed").await;
    }
    let url = server.database().url();
    let books = Books::open(&url).await;
    books.balance().await;
    let before = books.count("payment.history").await;
    let reader = reading().database_url(&url).start().await;
    let cursor = async || {
        let sql = "SELECT cursor FROM payment.provider_cursors WHERE read_at IS NOT NULL";
        let row = books.sql.query_opt(sql, &[]).await.unwrap()?;
        row.get::<_, Option<String>>(0)
    };
    let first = eventually(PATIENCE, cursor).await;
    books.balance().await;
    assert_eq!(books.count("payment.history").await, before);
    let pledge = campaign.pledge(&client, 700).await;
    pledge.pay(&client, "pm_silent").await;
    pledge.becomes(&reader.client(), "completed").await;
    // it is noted after its events have been taken in
    let number = |cursor: &str| cursor.parse::<i64>().unwrap();
    eventually(PATIENCE, async || cursor().await.is_some_and(|now| number(&now) > number(&first)))
        .await;
}
