//! Postgres goes away, and comes back.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use super::{World, part};
use crate::support::{
    Client, OwnPostgres, Server,
    donation::{Campaign, Event, PATIENCE, Payment, builder, new_key, promise},
    wait::eventually,
    webhooks::Books,
};

async fn server_on(postgres: &OwnPostgres) -> Server {
    builder().database_url(postgres.url("careforall")).start().await
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test]
async fn without_postgres_a_webhook_is_503_and_its_retry_has_one_effect() {
    let mut postgres = off_thread(OwnPostgres::start).await;
    let server = server_on(&postgres).await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let payment = campaign.pledge(&client, 10_000).await.begin_payment(&client).await;
    let event = payment.event("payment.captured");

    let mut postgres = off_thread(move || {
        postgres.stop();
        postgres
    })
    .await;
    for _ in 0..3 {
        let asked = Instant::now();
        let answer = event.send(&client).await.expect(503);
        let seconds: u32 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds) && asked.elapsed() < Duration::from_secs(5));
        assert_ne!(answer.body["status"], "accepted");
    }
    let postgres = off_thread(move || {
        postgres.start_again();
        postgres
    })
    .await;
    eventually(PATIENCE, async || event.send(&client).await.status == 200).await;
    assert_eq!(event.send(&client).await.expect(200).text("status"), "duplicate");

    payment.becomes(&client, "captured").await;
    let books = Books::open(&postgres.url("careforall")).await;
    books.balance().await;
    assert_eq!(books.count("payment.ledger").await, 1);
}

#[tokio::test]
async fn what_is_not_committed_in_time_is_503_and_its_retry_has_one_effect() {
    let server = builder().env("CAREFORALL_PAYMENTS__WEBHOOK_COMMIT_SECONDS", "2").start().await;
    let world = World::of(server).await;
    let event = world.payment().await.event("payment.captured");
    let holder = world.server.database().client().await;
    holder.batch_execute("BEGIN; LOCK payment.webhook_inbox IN SHARE MODE").await.unwrap();

    let asked = Instant::now();
    let answer = event.send(&world.client).await.expect_problem(503, "overloaded");
    assert!(answer.header("retry-after").is_some());
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    holder.batch_execute("ROLLBACK").await.unwrap();
    // what was given up may have been committed since
    event.send(&world.client).await.expect(200);

    world.books.becomes(&event, "applied").await;
    world.ends_with(10_000, 0, 0).await;
    assert_eq!(world.books.count("payment.webhook_inbox").await, 1);
}

/// A gift from the pledge to a partial refund; each step is repeated until it is acknowledged, the
/// requests under one key.
async fn give(client: &Client, campaign: &Campaign, number: usize) -> Payment {
    let (key, gift) = (new_key(), campaign.gift(10_000));
    let pledge = insist(async || promise(client, &key, &gift).await).await;
    let token = pledge.text("guest_token");
    let (key, body) = (new_key(), json!({ "pledge_id": pledge.text("id") }));
    let made = insist(async || {
        let request = client.post("/api/v1/payments").bearer(&token).idempotency_key(&key);
        request.json(&body).send().await
    })
    .await;
    let payment = Payment {
        id: made.text("id"),
        provider_payment_id: made.text("provider_payment_id"),
        amount_minor: 10_000,
        currency: "USD".into(),
        token,
    };
    let captured = payment.event("payment.captured");
    let refund = part(&payment, "refund.succeeded", "re_1", 2000);
    let [first, second] =
        if number.is_multiple_of(2) { [captured, refund] } else { [refund, captured] };
    deliver(client, &first).await;
    deliver(client, &second).await;
    payment
}

async fn deliver(client: &Client, event: &Event) {
    insist(async || event.send(client).await).await;
}

/// Repeats what is answered 409 in progress or 503.
async fn insist(ask: impl AsyncFn() -> crate::support::Response) -> crate::support::Response {
    let deadline = Instant::now() + Duration::from_mins(2);
    loop {
        let answer = ask().await;
        match answer.status {
            200 | 201 => return answer,
            503 | 409 => assert!(Instant::now() < deadline, "{:#}", answer.body),
            other => panic!("{other}: {:#}", answer.body),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn postgres_restarts_under_load_and_every_acknowledged_gift_is_counted() {
    const GIFTS: usize = 60;
    let postgres = off_thread(OwnPostgres::start).await;
    let server = server_on(&postgres).await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let books = Books::open(&postgres.url("careforall")).await;

    let load = async {
        for some in (0..GIFTS).collect::<Vec<_>>().chunks(6) {
            join_all(some.iter().map(|number| give(&client, &campaign, *number))).await;
        }
    };
    let restarts = async {
        let looked = "payment.webhook_inbox";
        eventually(PATIENCE, async || books.count(looked).await >= 10).await;
        let mut postgres = postgres;
        for crash in [false, true] {
            postgres = off_thread(move || {
                if crash {
                    postgres.kill();
                } else {
                    postgres.stop();
                }
                postgres.start_again();
                postgres
            })
            .await;
            let answers = async || client.get("/readyz").send().await.status == 200;
            eventually(PATIENCE, answers).await;
        }
        postgres
    };
    let ((), postgres) = futures_util::join!(load, restarts);

    let books = Books::open(&postgres.url("careforall")).await;
    let due = "UPDATE payment.webhook_inbox SET next_attempt_at = now() WHERE status = 'deferred'";
    books.execute(due).await;
    let gifts = i64::try_from(GIFTS).unwrap();
    let sums = json!({ "captured_minor": gifts * 10_000, "refunded_minor": gifts * 2000,
                       "donation_count": gifts, "pledged_minor": gifts * 10_000 });
    campaign.totals_become(&client, sums).await;
    books.balance().await;
    assert_eq!(books.count("pledge.pledges").await, gifts);
    assert_eq!(books.count("payment.payments").await, gifts);
}
