//! `POST /payments`: every payment method ends as it should, everywhere.

use serde_json::{Value, json};

use crate::support::{
    Client,
    donation::{Campaign, PATIENCE, bank_payments, builder, has, new_key},
    eventually,
};

#[tokio::test(flavor = "multi_thread")]
async fn every_payment_method_ends_the_same_in_payment_pledge_totals_and_bank() {
    let server = builder().start().await;
    let client = server.client();
    for (method, status, pledge_status, captured, disputed, bank) in [
        ("pm_success", "captured", "completed", 700, 0, "captured"),
        ("pm_authorize_only", "authorized", "pending", 0, 0, "authorized"),
        ("pm_capture_first", "captured", "completed", 700, 0, "captured"),
        ("pm_duplicates", "captured", "completed", 700, 0, "captured"),
        ("pm_silent", "pending", "pending", 0, 0, "captured"),
        ("pm_refund_fails", "captured", "completed", 700, 0, "captured"),
        ("pm_dispute", "captured", "disputed", 700, 700, "captured"),
    ] {
        let campaign = Campaign::open(&client).await;
        let pledge = campaign.pledge(&client, 700).await;
        let payment = pledge.pay(&client, method).await;
        payment.becomes(&client, status).await;
        pledge.becomes(&client, pledge_status).await;
        let counted = json!({ "pledged_minor": 700, "captured_minor": captured,
            "disputed_minor": disputed, "net_minor": captured - disputed, "refunded_minor": 0,
            "donation_count": i64::from(captured > 0) });
        campaign.totals_become(&client, counted).await;
        let at_bank = payment.bank_has(&client).await;
        assert_eq!(at_bank["status"], bank, "{method}");
        assert_eq!(at_bank["captures"], i64::from(bank == "captured"), "{method}");
        all_said(&client, &payment.provider_payment_id).await;
        let now = payment.read(&client).await;
        let expected = json!({ "status": status, "captured_minor": captured,
            "disputed_minor": disputed, "amount_minor": 700, "amount_mismatch": false });
        assert!(has(&now, &expected), "{method}: {now}");
        assert_eq!(bank_payments(&client, &payment.id).await.len(), 1);
    }
}

async fn all_said(client: &Client, provider_payment_id: &str) {
    let path = format!("/api/v1/sandbox/payments/{provider_payment_id}/events");
    eventually(PATIENCE, || async {
        let events = client.get(&path).send().await.expect(200).body;
        let events = events["data"].as_array().unwrap().clone();
        events.iter().all(|e| e["delivered_at"].is_string() || e["copies"] == 0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manual_payment_stays_authorized() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    let manual = json!({ "capture_method": "manual", "payment_method": "pm_success" });
    let payment = pledge.made(pledge.pay_with(&client, &new_key(), manual).send().await);
    payment.becomes(&client, "authorized").await;
    all_said(&client, &payment.provider_payment_id).await;
    assert_eq!(payment.read(&client).await["status"], "authorized");
    assert_eq!(payment.bank_has(&client).await["captured_minor"], 0);
    assert_eq!(pledge.read(&client).await["status"], "pending");
    assert_eq!(campaign.totals(&client).await["captured_minor"], 0);
}

async fn open_account(client: &Client, balance_minor: i64, currency: &str) -> String {
    let account =
        json!({ "owner_name": "Ada", "balance_minor": balance_minor, "currency": currency });
    let opened = client.post("/api/v1/sandbox/accounts").json(account).send().await.expect(201);
    opened.text("account_number")
}

async fn balance(client: &Client, number: &str) -> (Value, Value) {
    let path = format!("/api/v1/sandbox/accounts/{number}");
    let account = client.get(&path).send().await.expect(200).body;
    (account["balance_minor"].clone(), account["held_minor"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_pays_what_it_has_and_no_more() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let number = open_account(&client, 1000, "USD").await;
    let with = json!({ "payment_method": format!("account:{number}") });
    let enough = campaign.pledge(&client, 700).await;
    enough.made(enough.pay_with(&client, &new_key(), with.clone()).send().await);
    enough.becomes(&client, "completed").await;
    assert_eq!(balance(&client, &number).await, (json!(300), json!(0)));
    let too_little = campaign.pledge(&client, 301).await;
    let declined = too_little.pay_with(&client, &new_key(), with).send().await;
    declined.expect_problem(402, "payment-declined");
    too_little.becomes(&client, "failed").await;
    assert_eq!(balance(&client, &number).await, (json!(300), json!(0)));
    campaign.totals_become(&client, json!({ "pledged_minor": 700, "captured_minor": 700 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_cannot_take_names_the_field_and_frees_the_key() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    let yen = open_account(&client, 1000, "JPY").await;
    let key = new_key();
    for (field, value) in [
        ("payment_method", json!("pm_x")),
        ("payment_method", json!("")),
        ("payment_method", json!("x".repeat(256))),
        ("payment_method", json!(format!("account:{yen}"))),
        ("payment_method", json!("account:000000000000")),
        ("provider", json!("paypal")),
        ("provider", json!("stripe")),
        ("capture_method", json!("later")),
        ("amount_minor", json!(1)),
    ] {
        let mut more = json!({});
        more[field] = value;
        let answer = pledge.pay_with(&client, &key, more.clone()).send().await;
        let problem = answer.expect_problem(400, "validation-failed");
        assert_eq!(problem.body["errors"][0]["field"], field, "{more}");
    }
    assert_eq!(balance(&client, &yen).await, (json!(1000), json!(0)));
    let with = json!({ "provider": "sandbox", "payment_method": "pm_success" });
    let answer = pledge.pay_with(&client, &key, with).send().await;
    assert_eq!(answer.header("idempotent-replayed"), None);
    pledge.made(answer).becomes(&client, "captured").await;
    pledge.becomes(&client, "completed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_no_provider_knows_leaves_the_pledge_as_it_is() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    let before = pledge.read(&client).await;
    let unknown = json!({ "payment_method": "pm_x" });
    pledge.pay_with(&client, &new_key(), unknown).send().await.expect(400);
    assert_eq!(pledge.read(&client).await, before);
    let payment = pledge.pay(&client, "pm_success").await;
    payment.becomes(&client, "captured").await;
    campaign.totals_become(&client, json!({ "pledged_minor": 700, "captured_minor": 700 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_replayed_as_it_was_made_whatever_became_of_it() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    let (key, with) = (new_key(), json!({ "payment_method": "pm_success" }));
    let pay = || pledge.pay_with(&client, &key, with.clone()).send();
    let first = pay().await.expect(201);
    assert_eq!(
        (first.text("status"), first.body["client_secret"].is_string()),
        ("pending".into(), true)
    );
    let location = first.header("location").unwrap().to_owned();
    assert_eq!(location, format!("/api/v1/payments/{}", first.text("id")));
    pledge.becomes(&client, "completed").await;
    let again = pay().await.expect(201);
    assert_eq!((again.header("idempotent-replayed"), &again.body), (Some("true"), &first.body));
    assert_eq!(again.header("location"), Some(location.as_str()));
    let other_key = pledge.pay_with(&client, &new_key(), with.clone()).send().await;
    let active = other_key.expect_problem(409, "payment-already-active");
    assert_eq!(active.text("payment_id"), first.text("id"));
}
