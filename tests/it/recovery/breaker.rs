//! A provider that does not answer is left alone.

use serde_json::json;

use crate::support::{
    Client, Server,
    donation::{Campaign, PATIENCE, Pledge, builder, new_key, plan_fault, promise},
    eventually,
    webhooks::Books,
};

const WITH: &str = "pm_success";

async fn server(open_seconds: u32) -> Server {
    let server = builder()
        .env("CAREFORALL_BREAKER__WINDOW_CALLS", "5")
        .env("CAREFORALL_BREAKER__FAILURES", "3")
        .env("CAREFORALL_BREAKER__OPEN_SECONDS", open_seconds)
        .env("CAREFORALL_BREAKER__PROBES", "1");
    server.start().await
}

/// `0`, `1` or `2`, as Prometheus would read it.
async fn state(server: &Server) -> String {
    let text = Client::new(server.metrics_base()).get("/metrics").send().await.body.to_string();
    let name = "circuit_breaker_state{provider=\\\"sandbox\\\"} ";
    let (_, rest) = text.split_once(name).expect("the metric is there");
    rest.chars().take_while(char::is_ascii_digit).collect()
}

/// Three payments that the bank did not answer.
async fn open(client: &Client, campaign: &Campaign) -> Vec<(Pledge, String)> {
    plan_fault(client, "create", "fail", 3, 0).await;
    let mut failed = Vec::new();
    for _ in 0..3 {
        let (pledge, key) = (campaign.pledge(client, 700).await, new_key());
        let pay = pledge.pay_with(client, &key, json!({ "payment_method": WITH }));
        pay.send().await.expect_problem(503, "provider-unavailable");
        failed.push((pledge, key));
    }
    failed
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_is_open_new_payments_are_refused_at_once_and_all_else_works() {
    let server = server(3600).await;
    let (client, books) = (server.client(), Books::open(&server.database().url()).await);
    let campaign = Campaign::open(&client).await;
    let (paid, key) = (campaign.pledge(&client, 700).await, new_key());
    let pay = || paid.pay_with(&client, &key, json!({})).send();
    let payment = paid.made(pay().await);
    assert_eq!(state(&server).await, "0");
    open(&client, &campaign).await;
    assert_eq!(state(&server).await, "2");

    let rows = ["payment.payments", "payment.checks", "bus.idempotency_key"];
    let pledge = campaign.pledge(&client, 700).await;
    let before = [books.count(rows[0]).await, books.count(rows[1]).await];
    let unfinished = "bus.idempotency_key WHERE finished_at IS NULL";
    for _ in 0..2 {
        let refused = pledge.pay_with(&client, &new_key(), json!({})).send().await;
        let refused = refused.expect_problem(503, "provider-unavailable");
        let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((3000..=3600).contains(&wait), "{wait}");
    }
    assert_eq!([books.count(rows[0]).await, books.count(rows[1]).await], before);
    assert_eq!(books.count(unfinished).await, 3, "only those that may have been made");
    assert_eq!(pledge.read(&client).await["payment_id"], json!(null), "nothing blocks the pledge");

    promise(&client, &new_key(), &campaign.gift(100)).await.expect(201);
    assert_eq!(pay().await.expect(201).header("idempotent-replayed"), Some("true"));
    payment.event("payment.captured").accepted(&client).await;
    paid.becomes(&client, "completed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_closes_when_the_provider_answers_again_and_every_payment_is_made_once() {
    let server = server(1).await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let mut orders = open(&client, &campaign).await;
    orders.push((campaign.pledge(&client, 700).await, new_key()));
    for (pledge, key) in &orders {
        let with = json!({ "payment_method": WITH });
        let answer = eventually(PATIENCE, || async {
            let answer = pledge.pay_with(&client, key, with.clone()).send().await;
            (answer.status != 503).then_some(answer)
        });
        pledge.made(answer.await);
        pledge.becomes(&client, "completed").await;
    }
    assert_eq!(state(&server).await, "0");
    let books = Books::open(&server.database().url()).await;
    assert_eq!(books.count("sandbox.payments").await, 4);
    campaign.totals_become(&client, json!({ "captured_minor": 2800 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn declines_and_refusals_are_answers() {
    let server = server(3600).await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    for _ in 0..6 {
        let pledge = campaign.pledge(&client, 700).await;
        let with = json!({ "payment_method": "pm_declined" });
        let declined = pledge.pay_with(&client, &new_key(), with).send().await;
        declined.expect_problem(402, "payment-declined");
        let with = json!({ "payment_method": "account:999999999999" });
        pledge.pay_with(&client, &new_key(), with).send().await.expect(400);
    }
    assert_eq!(state(&server).await, "0");
}
