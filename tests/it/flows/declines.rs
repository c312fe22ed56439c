//! Payments that fail, and what comes after.

use serde_json::json;

use crate::support::donation::{Campaign, Payment, bank_payments, builder, new_key, plan_fault};

#[tokio::test(flavor = "multi_thread")]
async fn a_decline_is_replayed_identically() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    for method in ["pm_declined", "pm_insufficient_funds"] {
        let pledge = campaign.pledge(&client, 700).await;
        let (key, with) = (new_key(), json!({ "payment_method": method }));
        let pay = || pledge.pay_with(&client, &key, with.clone()).send();
        let first = pay().await.expect_problem(402, "payment-declined");
        assert_eq!(first.header("content-type"), Some("application/problem+json"));
        assert_eq!(first.body["instance"], "/api/v1/payments");
        assert!(!first.text("trace_id").is_empty() && first.body["id"].is_null());
        let id = first.text("payment_id");
        let again = pay().await.expect_problem(402, "payment-declined");
        assert_eq!((&again.body, again.header("idempotent-replayed")), (&first.body, Some("true")));
        assert_eq!(again.header("content-type"), Some("application/problem+json"));
        pledge.becomes(&client, "failed").await;
        assert_eq!(pledge.read(&client).await["payment_id"], json!(id));
        assert_eq!(bank_payments(&client, &id).await.len(), 1);
    }
    let nothing = json!({ "pledged_minor": 0, "captured_minor": 0, "donation_count": 0 });
    campaign.totals_become(&client, nothing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_pledge_is_payable_again_and_the_old_payment_is_closed() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    let with = |method: &str| json!({ "payment_method": method });
    let mut declined = Vec::new();
    for _ in 0..3 {
        let answer = pledge.pay_with(&client, &new_key(), with("pm_declined")).send().await;
        declined.push(answer.expect_problem(402, "payment-declined").text("payment_id"));
    }
    let payment = pledge.pay(&client, "pm_success").await;
    assert_eq!(pledge.read(&client).await["payment_id"], json!(payment.id));
    pledge.becomes(&client, "completed").await;
    for id in declined {
        let at_bank = bank_payments(&client, &id).await;
        assert_eq!((at_bank.len(), &at_bank[0]["status"]), (1, &json!("canceled")));
        let path = format!("/api/v1/payments/{id}");
        let ours = client.get(&path).bearer(&pledge.token).send().await.expect(200);
        assert_eq!(ours.text("status"), "failed");
    }
    let counted = json!({ "pledged_minor": 700, "captured_minor": 700, "donation_count": 1 });
    campaign.totals_become(&client, counted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_payment_that_succeeded_after_all_is_adopted() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    let payment = pledge.begin_payment(&client).await;
    payment.confirm(&client, "pm_declined").await;
    payment.becomes(&client, "failed").await;
    // the donor tries another card at the bank, and of that we hear nothing
    payment.confirm(&client, "pm_silent").await;
    let again = pledge.pay_with(&client, &new_key(), json!({ "payment_method": "pm_success" }));
    let active = again.send().await.expect_problem(409, "payment-already-active");
    assert_eq!(active.text("payment_id"), payment.id);
    payment.becomes(&client, "captured").await;
    pledge.becomes(&client, "completed").await;
    assert_eq!(bank_payments(&client, &payment.id).await.len(), 1);
    let counted = json!({ "pledged_minor": 700, "captured_minor": 700, "donation_count": 1 });
    campaign.totals_become(&client, counted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_new_payment_is_made_while_the_old_one_cannot_be_closed() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    let payment: Payment = pledge.begin_payment(&client).await;
    payment.confirm(&client, "pm_declined").await;
    pledge.becomes(&client, "failed").await;
    plan_fault(&client, "cancel", "fail", 1, 0).await;
    let key = new_key();
    let pay = || pledge.pay_with(&client, &key, json!({ "payment_method": "pm_success" })).send();
    let refused = pay().await.expect_problem(503, "provider-unavailable");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(pledge.read(&client).await["payment_id"], json!(payment.id));
    let second = pledge.made(pay().await);
    assert_ne!(second.id, payment.id);
    pledge.becomes(&client, "completed").await;
    assert_eq!(payment.bank_has(&client).await["status"], "canceled");
}
