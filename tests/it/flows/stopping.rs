//! The end in good order.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    Server,
    donation::{Campaign, PATIENCE, bank_payments, builder, new_key, plan_fault},
    eventually, process,
};

/// A payment is under way when the server is told to stop.
async fn told_to_stop_during_a_payment(mut server: Server) -> Server {
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    plan_fault(&client, "create", "delay", 1, 4000).await;
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
    let server = told_to_stop_during_a_payment(builder().start().await).await;
    assert!(server.logs().contains("stopped"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_postgres_ends_with_its_server() {
    let server = builder().embedded().start().await;
    let directory = server.directory().join("data");
    assert!(!process::mentioning(&directory).is_empty(), "it does run");
    let server = told_to_stop_during_a_payment(server).await;
    assert_eq!(process::mentioning(&directory), Vec::<u32>::new());
    drop(server);
}
