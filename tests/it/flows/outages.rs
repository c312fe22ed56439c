//! Postgres goes away under a running server, and comes back.

use serde_json::json;

use super::{PLEDGES, count};
use crate::support::{
    OwnPostgres,
    client::Request,
    donation::{Campaign, PATIENCE, builder, new_key, promise},
    eventually,
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
