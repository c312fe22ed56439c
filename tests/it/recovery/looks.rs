//! Payments and pledges whose end nobody has told.

use serde_json::json;

use super::{NOWHERE, read_once, sweeping};
use crate::support::{
    donation::{Campaign, PATIENCE, new_key, plan_fault},
    eventually,
    webhooks::Books,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_webhook_did_not_tell_is_found_by_asking() {
    let server = sweeping().env(NOWHERE.0, NOWHERE.1).start().await;
    let client = server.client();
    let books = Books::open(&server.database().url()).await;
    read_once(&books).await;
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    let payment = pledge.begin_payment(&client).await;
    payment.confirm(&client, "pm_success").await;
    payment.becomes(&client, "captured").await;
    pledge.becomes(&client, "completed").await;
    let told = payment.history(&client).await;
    assert_eq!(told.last().unwrap()["source"], "sweeper");
    eventually(PATIENCE, || async { books.count("payment.checks").await == 0 }).await;

    let held = campaign.pledge(&client, 900).await;
    let manual = held.pay_with(&client, &new_key(), json!({ "capture_method": "manual" }));
    let payment = held.made(manual.send().await);
    payment.confirm(&client, "pm_success").await;
    payment.becomes(&client, "authorized").await;
    let expire = format!("/api/v1/sandbox/payments/{}/expire", payment.provider_payment_id);
    client.post(&expire).send().await;
    // the look before may still be about to plan the next one
    eventually(PATIENCE, || async {
        books.execute("UPDATE payment.checks SET next_check_at = now()").await;
        payment.read(&client).await["status"] == "failed"
    })
    .await;
    books.balance().await;
}

/// As if everything had been made hours ago, and were to be looked at now. That something is old is
/// looked for as often as things become old: every ten seconds here.
async fn grow_old(books: &Books) {
    for old in [
        "UPDATE pledge.pledges SET created_at = created_at - interval '2 hours'",
        "UPDATE payment.payments SET created_at = created_at - interval '2 hours'",
        "UPDATE payment.checks SET next_check_at = now()",
    ] {
        books.execute(old).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unpaid_for_long_is_cancelled_there_before_it_fails_here() {
    let server = sweeping().env("CAREFORALL_SWEEPER__ABANDON_AFTER_SECONDS", "10").start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let never_tried = campaign.pledge(&client, 100).await;
    let declined = campaign.pledge(&client, 200).await;
    let with = json!({ "payment_method": "pm_declined" });
    declined.pay_with(&client, &new_key(), with).send().await.expect(402);
    let held = campaign.pledge(&client, 300).await;
    let authorized = held.pay(&client, "pm_authorize_only").await;
    let paid = campaign.pledge(&client, 400).await;
    paid.pay(&client, "pm_success").await;
    let open = campaign.pledge(&client, 500).await;
    let payment = open.begin_payment(&client).await;
    let books = Books::open(&server.database().url()).await;
    books.balance().await;
    grow_old(&books).await;
    for pledge in [&never_tried, &declined, &open] {
        pledge.becomes(&client, "cancelled").await;
    }
    payment.becomes(&client, "failed").await;
    assert_eq!(payment.bank_has(&client).await["status"], "canceled");
    let open = "payment.payments WHERE status IN ('pending', 'failed') AND NOT closed";
    eventually(PATIENCE, || async { books.count(open).await == 0 }).await;
    // money that is set aside, or taken, is no unpaid pledge
    authorized.becomes(&client, "authorized").await;
    assert_eq!(held.read(&client).await["status"], "pending");
    paid.becomes(&client, "completed").await;
    campaign.totals_become(&client, json!({ "captured_minor": 400, "pledged_minor": 700 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn age_alone_fails_nothing() {
    let server = sweeping().env("CAREFORALL_SWEEPER__ABANDON_AFTER_SECONDS", "10").start().await;
    let client = server.client();
    for operation in ["cancel", "retrieve"] {
        plan_fault(&client, operation, "fail", 1000, 0).await;
    }
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    let payment = pledge.begin_payment(&client).await;
    let books = Books::open(&server.database().url()).await;
    grow_old(&books).await;
    let tried = "payment.cancel_intents WHERE attempts >= 2";
    eventually(PATIENCE, || async { books.count(tried).await == 1 }).await;
    eventually(PATIENCE, || async { books.count("payment.checks WHERE looks >= 2").await == 1 })
        .await;
    assert_eq!(payment.read(&client).await["status"], "pending");
    books.execute("UPDATE sandbox.faults SET times_left = 0").await;
    payment.becomes(&client, "failed").await;
    assert_eq!(payment.bank_has(&client).await["status"], "canceled");
}
