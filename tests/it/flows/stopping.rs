//! The end in good order.

use std::time::Duration;

use serde_json::json;

use super::{PLEDGES, count};
use crate::support::{
    Server,
    donation::{Campaign, PATIENCE, bank_payments, builder, new_key, plan_fault},
    eventually, process,
    server::Builder,
};

/// One that is draining long enough for a slow machine to see it.
fn slow_to_stop() -> Builder {
    builder().env("CAREFORALL_HTTP__DRAIN_SECONDS", 3)
}

/// A payment is under way when the server is told to stop, and when it has drained.
async fn told_to_stop_during_a_payment(mut server: Server) -> Server {
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    plan_fault(&client, "create", "delay", 1, 5000).await;
    let pay = pledge.pay_with(&client, &new_key(), json!({ "payment_method": "pm_success" }));
    let request = tokio::spawn(pay.send());
    let id = eventually(PATIENCE, || async {
        let id = pledge.read(&client).await["payment_id"].as_str()?.to_owned();
        (bank_payments(&client, &id).await.len() == 1).then_some(id)
    })
    .await;
    server.sigterm();
    let draining = eventually(PATIENCE, || async {
        let answer = client.get("/readyz").send().await;
        (answer.status == 503).then_some(answer)
    })
    .await;
    assert_eq!(draining.text("status"), "draining");
    let payment = request.await.unwrap().expect(201);
    assert_eq!(payment.text("id"), id);
    let status = server.ended(Duration::from_mins(1)).await;
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(client.get("/livez").try_send().await.is_err());
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_gets_its_answer_before_the_end() {
    let server = told_to_stop_during_a_payment(slow_to_stop().start().await).await;
    assert!(server.logs().contains("stopped"));
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_under_load_every_request_is_answered_or_was_never_taken() {
    let mut server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let url = server.database().url();
    let posts = (0..16).map(|_| async {
        let mut acknowledged = 0;
        // until nobody listens any more
        while let Ok(answer) = {
            let post = client.post("/api/v1/pledges").idempotency_key(new_key());
            post.json(campaign.gift(1)).try_send().await
        } {
            answer.expect(201);
            acknowledged += 1;
        }
        acknowledged
    });
    let (acknowledged, status) =
        futures_util::join!(futures_util::future::join_all(posts), async {
            eventually(PATIENCE, || async { count(&url, PLEDGES).await >= 50 }).await;
            server.sigterm();
            server.ended(Duration::from_mins(1)).await
        });
    assert_eq!(status.code(), Some(0), "{status}");
    assert_eq!(count(&url, PLEDGES).await, acknowledged.into_iter().sum::<i64>());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_postgres_ends_with_its_server() {
    let server = slow_to_stop().embedded().start().await;
    let directory = server.directory().join("data");
    assert!(!process::mentioning(&directory).is_empty(), "it does run");
    let server = told_to_stop_during_a_payment(server).await;
    assert_eq!(process::mentioning(&directory), Vec::<u32>::new());
    drop(server);
}
