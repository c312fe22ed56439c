//! A bank that fails, loses its answers, or is late.

use serde_json::json;

use std::time::Duration;

use super::Replicas;
use crate::support::{
    donation::{Campaign, PATIENCE, bank_payments, builder, new_key, plan_fault},
    eventually,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_fails_is_asked_again_with_the_same_key() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    plan_fault(&client, "create", "fail", 3, 0).await;
    let key = new_key();
    let pay = || pledge.pay_with(&client, &key, json!({ "payment_method": "pm_success" })).send();
    for _ in 0..3 {
        let refused = pay().await.expect_problem(503, "provider-unavailable");
        assert_eq!(refused.header("retry-after"), Some("1"));
        let other = pledge.pay_with(&client, &new_key(), json!({})).send().await;
        other.expect_problem(409, "payment-already-active");
        let misuse = pledge.pay_with(&client, &key, json!({})).send().await;
        misuse.expect_problem(422, "idempotency-key-reused");
    }
    let payment = pledge.made(pay().await);
    assert_eq!(bank_payments(&client, &payment.id).await.len(), 1);
    pledge.becomes(&client, "completed").await;
    campaign.totals_become(&client, json!({ "captured_minor": 700, "donation_count": 1 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_found_again_with_the_same_key() {
    let replicas = Replicas::start(2, false).await;
    let clients = replicas.clients(2);
    let campaign = Campaign::open(&clients[0]).await;
    // what is captured already is adopted as soon as it is found; a decline waits for its reason
    for (method, status, lost) in [("pm_success", 201, 1), ("pm_declined", 402, 2)] {
        let pledge = campaign.pledge(&clients[0], 700).await;
        plan_fault(&clients[0], "create", "lose_answer", lost, 0).await;
        let (key, with) = (new_key(), json!({ "payment_method": method }));
        for client in clients.iter().cycle().take(lost as usize) {
            let lost = pledge.pay_with(client, &key, with.clone()).send().await;
            lost.expect_problem(503, "provider-unavailable");
        }
        let id = pledge.read(&clients[0]).await["payment_id"].as_str().unwrap().to_owned();
        let answer = pledge.pay_with(&clients[1], &key, with).send().await.expect(status);
        let member = if status == 201 { "id" } else { "payment_id" };
        assert_eq!(answer.text(member), id);
        assert_eq!(bank_payments(&clients[0], &id).await.len(), 1);
        pledge.becomes(&clients[0], if status == 201 { "completed" } else { "failed" }).await;
    }
    let counted = json!({ "captured_minor": 700, "pledged_minor": 700, "donation_count": 1 });
    campaign.totals_become(&clients[1], counted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_overtake_the_answer_are_not_overwritten_by_it() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    plan_fault(&client, "create", "delay", 1, 3000).await;
    let pay = pledge.pay_with(&client, &new_key(), json!({ "payment_method": "pm_success" }));
    let (answer, ()) = futures_util::join!(pay.send(), pledge.becomes(&client, "completed"));
    let payment = pledge.made(answer);
    let now = payment.read(&client).await;
    assert_eq!((&now["status"], &now["captured_minor"]), (&json!("captured"), &json!(700)));
    assert_eq!(now["provider_payment_id"], json!(payment.provider_payment_id));
    campaign.totals_become(&client, json!({ "captured_minor": 700, "donation_count": 1 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_takes_too_long_is_found_again() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    plan_fault(&client, "create", "delay", 1, 60_000).await;
    let key = new_key();
    let pay = || pledge.pay_with(&client, &key, json!({})).send();
    let (late, busy) = futures_util::join!(pay(), async {
        let has_payment = || async { pledge.read(&client).await["payment_id"].is_string() };
        eventually(PATIENCE, has_payment).await;
        pay().await
    });
    late.expect_problem(503, "provider-unavailable");
    let busy = busy.expect_problem(409, "idempotency-in-progress");
    assert_eq!(busy.header("retry-after"), Some("1"));
    let payment = pledge.made(pay().await);
    assert_eq!(bank_payments(&client, &payment.id).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_finds_its_payment_made() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    plan_fault(&client, "create", "delay", 1, 4000).await;
    let key = new_key();
    let pay = || pledge.pay_with(&client, &key, json!({ "payment_method": "pm_success" }));
    let asked = tokio::spawn(pay().try_send());
    let has_payment = || async { pledge.read(&client).await["payment_id"].is_string() };
    eventually(PATIENCE, has_payment).await;
    asked.abort();
    let hung_up = asked.await;
    assert!(hung_up.is_err_and(|e| e.is_cancelled()), "it answered before the client hung up");
    // well before the lease ends: it was not left half done
    let answer = eventually(Duration::from_secs(15), || async {
        let answer = pay().send().await;
        (answer.status == 201).then_some(answer)
    });
    let answer = answer.await;
    assert_eq!(answer.header("idempotent-replayed"), Some("true"));
    assert_eq!(bank_payments(&client, &answer.text("id")).await.len(), 1);
    campaign.totals_become(&client, json!({ "captured_minor": 700 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_not_resumed_once_its_pledge_is_cancelled() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    plan_fault(&client, "create", "fail", 1, 0).await;
    let key = new_key();
    let pay = || pledge.pay_with(&client, &key, json!({ "payment_method": "pm_success" })).send();
    pay().await.expect_problem(503, "provider-unavailable");
    pledge.cancel(&client, &new_key()).send().await.expect(200);
    let id = pledge.read(&client).await["payment_id"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        pay().await.expect_problem(409, "pledge-not-payable");
    }
    assert!(bank_payments(&client, &id).await.is_empty(), "nobody is charged for it");
    campaign.totals_become(&client, json!({ "captured_minor": 0, "pledged_minor": 0 })).await;
}
