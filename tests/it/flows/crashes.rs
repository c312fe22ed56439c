//! `kill -9` in the middle of a request.

use std::collections::HashMap;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::{PAYMENTS, PLEDGES, count};
use crate::support::{
    Client, Server,
    donation::{Campaign, PATIENCE, Pledge, bank_payments, builder, new_key, plan_fault, promise},
    eventually,
    postgres::execute,
};

/// A payment whose server was killed while the bank, which had done its part, kept it waiting.
async fn killed_between_the_bank_and_phase_c(
    server: &mut Server,
    method: &str,
) -> (Campaign, Pledge, String, String) {
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    plan_fault(&client, "create", "delay", 1, 7000).await;
    let key = new_key();
    let pay = pledge.pay_with(&client, &key, json!({ "payment_method": method }));
    let request = tokio::spawn(pay.try_send());
    let id = eventually(PATIENCE, || async {
        let id = pledge.read(&client).await["payment_id"].as_str()?.to_owned();
        (bank_payments(&client, &id).await.len() == 1).then_some(id)
    })
    .await;
    server.kill9();
    assert!(request.await.unwrap().is_err(), "the answer was lost");
    server.start_again().await;
    (campaign, pledge, key, id)
}

const EXPIRE: &str = "UPDATE bus.idempotency_key SET lease_until = now() WHERE finished_at IS NULL";

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_phase_c_and_the_client_retries() {
    let mut server = builder().start().await;
    for (method, status) in [("pm_silent", 201), ("pm_success", 201), ("pm_declined", 402)] {
        let (campaign, pledge, key, id) =
            killed_between_the_bank_and_phase_c(&mut server, method).await;
        let client = server.client();
        let with = json!({ "payment_method": method });
        let pay = || pledge.pay_with(&client, &key, with.clone()).send();
        let busy = pay().await.expect_problem(409, "idempotency-in-progress");
        assert_eq!(busy.header("retry-after"), Some("1"));
        execute(&server.database().url(), EXPIRE);
        let answer = pay().await.expect(status);
        assert_eq!(answer.header("idempotent-replayed"), None);
        assert_eq!(answer.text(if status == 201 { "id" } else { "payment_id" }), id);
        let again = pay().await.expect(status);
        assert_eq!(
            (again.header("idempotent-replayed"), &again.body),
            (Some("true"), &answer.body)
        );
        assert_eq!(bank_payments(&client, &id).await.len(), 1);
        let captured = if method == "pm_success" { 700 } else { 0 };
        campaign.totals_become(&client, json!({ "captured_minor": captured })).await;
    }
    assert_eq!(count(&server.database().url(), PAYMENTS).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_phase_c_and_the_client_never_retries() {
    let mut server = builder().start().await;
    let (campaign, pledge, _, id) =
        killed_between_the_bank_and_phase_c(&mut server, "pm_success").await;
    let client = server.client();
    pledge.becomes(&client, "completed").await;
    let counted = json!({ "captured_minor": 700, "pledged_minor": 700, "donation_count": 1 });
    campaign.totals_become(&client, counted).await;
    let path = format!("/api/v1/payments/{id}");
    let payment = client.get(&path).bearer(&pledge.token).send().await.expect(200);
    assert_eq!(payment.text("status"), "captured");
    let at_bank = bank_payments(&client, &id).await;
    assert_eq!((at_bank.len(), &at_bank[0]["id"]), (1, &payment.body["provider_payment_id"]));
}

/// How each of these requests was answered, if it was: key to pledge id.
async fn post_all(client: &Client, orders: &[(String, Value)]) -> HashMap<String, String> {
    let posts = stream::iter(orders).map(|(key, gift)| async move {
        let post = client.post("/api/v1/pledges").idempotency_key(key).json(gift);
        let answer = post.try_send().await.ok()?.expect(201);
        Some((key.clone(), answer.text("id")))
    });
    posts.buffer_unordered(16).filter_map(std::future::ready).collect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_under_load_no_acknowledged_pledge_is_lost_or_doubled() {
    let mut server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let orders: Vec<_> = (1..=240).map(|amount| (new_key(), campaign.gift(amount))).collect();
    let url = server.database().url();
    let (acknowledged, ()) = futures_util::join!(post_all(&client, &orders), async {
        eventually(PATIENCE, || async { count(&url, PLEDGES).await >= 60 }).await;
        server.kill9();
    });
    assert!(acknowledged.len() < orders.len(), "it was killed too late to tell");
    server.start_again().await;
    let client = server.client();
    let made: i64 = count(&url, PLEDGES).await;
    assert!(made >= i64::try_from(acknowledged.len()).unwrap());
    for (key, gift) in &orders {
        let answer = promise(&client, key, gift).await.expect(201);
        if let Some(id) = acknowledged.get(key) {
            assert_eq!(
                (answer.header("idempotent-replayed"), &answer.text("id")),
                (Some("true"), id)
            );
        }
    }
    assert_eq!(count(&url, PLEDGES).await, 240);
    let sum: i64 = (1..=240).sum();
    campaign.totals_become(&client, json!({ "pledged_minor": sum })).await;
}
