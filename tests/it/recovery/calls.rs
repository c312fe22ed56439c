//! A payment is made once, whatever goes wrong around the call that makes it.

use serde_json::json;

use super::{LONG_AGO, NOWHERE, keys_at_bank, sweeping};
use crate::support::{
    Server,
    donation::{Campaign, PATIENCE, bank_payments, builder, new_key, plan_fault},
    eventually,
    postgres::execute,
    webhooks::Books,
};

/// The bank does what it is asked at its leisure, or not; the client comes again with its key.
async fn and_the_client_retries(kind: &str, delay_ms: u32) {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let (pledge, key) = (campaign.pledge(&client, 700).await, new_key());
    plan_fault(&client, "create", kind, 1, delay_ms).await;
    let pay = || pledge.pay_with(&client, &key, json!({ "payment_method": "pm_success" })).send();
    pay().await.expect_problem(503, "provider-unavailable");
    let payment = pledge.made(pay().await);
    if kind == "late" {
        let done = "has done late what it was asked";
        eventually(PATIENCE, || async { server.logs().contains(done) }).await;
    }
    pledge.becomes(&client, "completed").await;
    assert_eq!(bank_payments(&client, &payment.id).await.len(), 1);
    let books = Books::open(&server.database().url()).await;
    assert_eq!(keys_at_bank(&books).await, [format!("pay_{}", payment.id)]);
    campaign.totals_become(&client, json!({ "captured_minor": 700, "donation_count": 1 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_and_the_client_retries() {
    and_the_client_retries("fail", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answered_never_and_the_client_retries() {
    and_the_client_retries("hang", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answered_too_late_and_the_client_retries() {
    and_the_client_retries("delay", 60_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn done_too_late_and_the_client_retries() {
    and_the_client_retries("late", 1000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_lost_and_the_client_retries() {
    and_the_client_retries("lose_answer", 0).await;
}

/// Nobody comes again: what was captured is adopted, what is open is cancelled, nothing is made.
async fn and_the_client_never_retries(kind: &str, method: Option<&str>, killed: bool) {
    let mut server: Server = sweeping().env(NOWHERE.0, NOWHERE.1).start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    plan_fault(&client, "create", kind, 1, 7000).await;
    let pay = pledge.pay_with(&client, &new_key(), json!({ "payment_method": method }));
    let request = tokio::spawn(pay.try_send());
    let id = eventually(PATIENCE, || async {
        let id = pledge.read(&client).await["payment_id"].as_str()?.to_owned();
        let made = !bank_payments(&client, &id).await.is_empty();
        (made || !killed).then_some(id)
    })
    .await;
    if killed {
        server.kill9();
        assert!(request.await.unwrap().is_err());
        server.start_again().await;
    } else {
        request.await.unwrap().unwrap().expect_problem(503, "provider-unavailable");
    }
    let (client, books) = (server.client(), Books::open(&server.database().url()).await);
    let made = kind != "fail" && kind != "hang";
    let captured = if made && method.is_some() { 700 } else { 0 };
    let expected = if captured > 0 { "completed" } else { "failed" };
    eventually(PATIENCE, || async {
        // the minute in which it may be on its way is over
        books.execute(LONG_AGO).await;
        books.execute("UPDATE payment.checks SET next_check_at = now()").await;
        pledge.read(&client).await["status"] == expected
    })
    .await;
    let at_bank = bank_payments(&client, &id).await;
    assert_eq!(at_bank.len(), usize::from(made));
    let ended = if captured > 0 { "captured" } else { "canceled" };
    assert!(at_bank.iter().all(|payment| payment["status"] == ended), "{at_bank:?}");
    campaign.totals_become(&client, json!({ "captured_minor": captured })).await;
    books.balance().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_and_the_client_never_retries() {
    and_the_client_never_retries("fail", Some("pm_success"), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answered_never_and_the_client_never_retries() {
    and_the_client_never_retries("hang", Some("pm_success"), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_lost_and_the_client_never_retries() {
    and_the_client_never_retries("lose_answer", Some("pm_silent"), false).await;
    and_the_client_never_retries("lose_answer", None, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_and_the_client_never_retries() {
    and_the_client_never_retries("delay", Some("pm_silent"), true).await;
    and_the_client_never_retries("delay", None, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn once_no_call_can_be_alive_it_is_sent_under_the_next_key() {
    let server = builder().start().await;
    let (client, url) = (server.client(), server.database().url());
    let books = Books::open(&url).await;
    let campaign = Campaign::open(&client).await;
    let (pledge, key) = (campaign.pledge(&client, 700).await, new_key());
    let pay = || pledge.pay_with(&client, &key, json!({ "payment_method": "pm_success" })).send();
    plan_fault(&client, "create", "fail", 2, 0).await;
    pay().await.expect_problem(503, "provider-unavailable");
    execute(&url, LONG_AGO);
    // recorded before it is used, so that the next attempt knows of it
    pay().await.expect_problem(503, "provider-unavailable");
    assert_eq!(books.count("payment.payments WHERE create_attempt = 2").await, 1);
    let payment = pledge.made(pay().await);
    assert_eq!(keys_at_bank(&books).await, [format!("pay_{}_2", payment.id)]);
    assert_eq!(bank_payments(&client, &payment.id).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn past_23_hours_what_exists_is_adopted_and_only_what_does_not_is_sent_again() {
    let server = builder().start().await;
    let (client, url) = (server.client(), server.database().url());
    let campaign = Campaign::open(&client).await;
    let a_day_ago = "UPDATE payment.payments SET keyed_at = now() - interval '23 hours'";
    for (kind, keys) in [("lose_answer", ""), ("fail", "_2")] {
        let (pledge, key) = (campaign.pledge(&client, 700).await, new_key());
        let pay =
            || pledge.pay_with(&client, &key, json!({ "payment_method": "pm_silent" })).send();
        plan_fault(&client, "create", kind, 1, 0).await;
        pay().await.expect_problem(503, "provider-unavailable");
        execute(&url, a_day_ago);
        let payment = pledge.made(pay().await);
        let keys_there = keys_at_bank(&Books::open(&url).await).await;
        assert_eq!(keys_there.last(), Some(&format!("pay_{}{keys}", payment.id)));
        assert_eq!(bank_payments(&client, &payment.id).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_answered_in_vain_is_left_alone_for_a_while() {
    let server = builder().start().await;
    let (client, url) = (server.client(), server.database().url());
    let campaign = Campaign::open(&client).await;
    let (pledge, key) = (campaign.pledge(&client, 700).await, new_key());
    plan_fault(&client, "create", "fail", 4, 0).await;
    let pay = || pledge.pay_with(&client, &key, json!({})).send();
    for _ in 0..4 {
        let refused = pay().await.expect_problem(503, "provider-unavailable");
        assert_eq!(refused.header("retry-after"), Some("1"));
    }
    let rests = pay().await.expect_problem(503, "provider-unavailable");
    let wait: u32 = rests.header("retry-after").unwrap().parse().unwrap();
    assert!((30..=60).contains(&wait), "{wait}");
    execute(&url, LONG_AGO);
    let payment = pledge.made(pay().await);
    let keys = keys_at_bank(&Books::open(&url).await).await;
    assert_eq!(keys, [format!("pay_{}_2", payment.id)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_twice_is_cancelled_twice() {
    let server = builder().start().await;
    let (client, url) = (server.client(), server.database().url());
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    let payment = pledge.begin_payment(&client).await;
    execute(&url, "UPDATE payment.payments SET create_attempt = 2");
    let twin = "INSERT INTO sandbox.payments
                SELECT (json_populate_record(p, json_build_object(
                    'id', 'sbx_' || md5(p.id), 'idempotency_key', 'twin'))).*
                FROM sandbox.payments p";
    execute(&url, twin);
    pledge.cancel(&client, &new_key()).send().await.expect(200);
    eventually(PATIENCE, || async {
        let there = bank_payments(&client, &payment.id).await;
        there.len() == 2 && there.iter().all(|made| made["status"] == "canceled")
    })
    .await;
}
