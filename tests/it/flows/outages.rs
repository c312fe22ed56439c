//! Postgres goes away under a running server, and comes back.

use serde_json::json;

use super::{PLEDGES, count};
use crate::support::{
    OwnPostgres,
    client::Request,
    donation::{Campaign, PATIENCE, bank_payments, builder, new_key, plan_fault, promise},
    eventually,
    postgres::execute,
};

#[tokio::test(flavor = "multi_thread")]
async fn without_postgres_every_request_is_told_to_come_back() {
    let mut postgres = OwnPostgres::start();
    let server = builder().database_url(postgres.url("careforall")).start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    let payment = pledge.begin_payment(&client).await;
    for crash in [false, true] {
        let (key, gift, pay_key) = (new_key(), campaign.gift(100), new_key());
        if crash {
            postgres.kill();
        } else {
            postgres.stop();
        }
        let admin = || client.post("/api/v1/campaigns").bearer(&campaign.owner);
        let requests: Vec<Request> = vec![
            client.post("/api/v1/pledges").idempotency_key(&key).json(&gift),
            pledge.pay_with(&client, &pay_key, json!({})),
            pledge.cancel(&client, &new_key()),
            client.get(&format!("/api/v1/pledges/{}", pledge.id)).bearer(&pledge.token),
            client.get(&payment.path()).bearer(&payment.token),
            client.get(&campaign.path()),
            client.get(&format!("{}/totals?realtime=true", campaign.path())),
            admin().json(
                json!({ "title": "T", "description": "D", "goal_minor": 1, "currency": "USD" }),
            ),
            payment.event("payment.captured").request(&client),
            client.get("/api/v1/campaigns"),
            client.get("/api/v1/me").bearer(&campaign.owner),
            client.get(&format!("{}/history", payment.path())).bearer(&payment.token),
            client
                .post("/api/v1/auth/login")
                .json(json!({ "email": "a@example.org", "password": "x" })),
            client.get(&format!("/api/v1/sandbox/payments?payment_id={}", payment.id)),
        ];
        for request in requests {
            let refused = request.send().await.expect_problem(503, "database-unavailable");
            assert!(refused.header("retry-after").is_some());
        }
        for probe in ["/readyz", "/health"] {
            let health = client.get(probe).send().await.expect(503);
            assert_eq!(
                (health.text("status"), health.text("database")),
                ("unavailable".into(), "down".into())
            );
            assert_eq!(health.header("content-type"), Some("application/json"));
        }
        client.get("/livez").send().await.expect(200);
        postgres.start_again();
        eventually(PATIENCE, || async { client.get("/readyz").send().await.status == 200 }).await;
        promise(&client, &key, &gift).await.expect(201);
    }
    assert_eq!(count(&postgres.url("careforall"), PLEDGES).await, 3);
    payment.confirm(&client, "pm_success").await;
    pledge.becomes(&client, "completed").await;
    campaign.totals_become(&client, json!({ "captured_minor": 700, "pledged_minor": 900 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_postgres_under_load_loses_and_doubles_nothing() {
    let mut postgres = OwnPostgres::start();
    let server = builder().database_url(postgres.url("careforall")).start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let orders: Vec<_> = (1..=200).map(|amount| (new_key(), campaign.gift(amount))).collect();
    let url = postgres.url("careforall");
    let posts = orders.chunks(20).map(|chunk| {
        let client = client.clone();
        async move {
            for (key, gift) in chunk {
                eventually(PATIENCE, || async {
                    let answer = promise(&client, key, gift).await;
                    assert!(matches!(answer.status, 201 | 503), "{:?}", answer.body);
                    answer.status == 201
                })
                .await;
            }
        }
    });
    futures_util::join!(futures_util::future::join_all(posts), async {
        eventually(PATIENCE, || async { count(&url, PLEDGES).await >= 50 }).await;
        tokio::task::block_in_place(|| {
            postgres.kill();
            postgres.start_again();
        });
    });
    assert_eq!(count(&url, PLEDGES).await, 200);
    let sum: i64 = (1..=200).sum();
    campaign.totals_become(&client, json!({ "pledged_minor": sum })).await;
}

const EXPIRE: &str = "UPDATE bus.idempotency_key SET lease_until = now() WHERE finished_at IS NULL";

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_postgres_amid_payments_charges_nobody_twice() {
    let mut postgres = OwnPostgres::start();
    let server = builder().database_url(postgres.url("careforall")).start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let mut orders = Vec::new();
    for _ in 0..24 {
        orders.push((campaign.pledge(&client, 100).await, new_key()));
    }
    plan_fault(&client, "create", "delay", 24, 200).await;
    let pays = orders.iter().map(async |(pledge, key)| {
        let with = json!({ "payment_method": "pm_success" });
        let id = eventually(PATIENCE, || async {
            let answer = pledge.pay_with(&client, key, with.clone()).send().await;
            assert!(matches!(answer.status, 201 | 409 | 503), "{:?}", answer.body);
            (answer.status == 201).then(|| answer.text("id"))
        });
        let id = id.await;
        assert_eq!(pledge.settles(&client).await, 100);
        assert_eq!(bank_payments(&client, &id).await.len(), 1);
    });
    let url = postgres.url("careforall");
    futures_util::join!(futures_util::future::join_all(pays), async {
        let made = "SELECT count(*) FROM sandbox.payments";
        eventually(PATIENCE, || async { count(&url, made).await >= 4 }).await;
        tokio::task::block_in_place(|| {
            postgres.kill();
            postgres.start_again();
            // those that were cut off need not wait until their lease ends
            execute(&url, EXPIRE);
        });
    });
    let counted = json!({ "captured_minor": 2400, "donation_count": 24, "pledged_minor": 2400 });
    campaign.totals_become(&client, counted).await;
    assert_eq!(count(&url, "SELECT count(*) FROM sandbox.payments").await, 24);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_hangs_is_noticed() {
    let postgres = OwnPostgres::start();
    let server = builder().database_url(postgres.url("careforall")).start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let payment = campaign.pledge(&client, 700).await.begin_payment(&client).await;
    postgres.freeze();
    let webhook = payment.event("payment.captured");
    let (health, refused) =
        futures_util::join!(client.get("/readyz").send(), webhook.send(&client));
    assert_eq!(health.expect(503).text("status"), "unavailable");
    assert_eq!(refused.expect(503).header("retry-after"), Some("1"));
    postgres.thaw();
    eventually(PATIENCE, || async { client.get("/readyz").send().await.status == 200 }).await;
    let again = webhook.send(&client).await.expect(200).text("status");
    assert!(matches!(again.as_str(), "accepted" | "duplicate"));
    payment.becomes(&client, "captured").await;
    campaign.totals_become(&client, json!({ "captured_minor": 700, "donation_count": 1 })).await;
}
