//! Of several mistakes in one request, which is named: correctness.md, section 1.

use serde_json::{Value, json};

use crate::support::{
    client::Request,
    donation::{Campaign, builder, changed, new_key, sign_up},
};

const UNKNOWN: &str = "01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f";

#[tokio::test(flavor = "multi_thread")]
async fn a_pledge_is_refused_for_its_first_mistake() {
    let server = builder().start().await;
    let client = server.client();
    let draft = Campaign::draft(&client, json!({})).await;
    let paused = Campaign::open(&client).await;
    paused.act(&client, "pause").await;
    let everything = json!({ "campaign_id": UNKNOWN, "amount_minor": 999_999_999, "currency": "EUR",
                             "donor_email": "ada@example.org" });
    let form = changed(everything.clone(), json!({ "amount_minor": 0 }));
    let (used, key) = (new_key(), new_key());
    let open = Campaign::open(&client).await;
    let first = changed(open.gift(5), json!({ "donor_email": "ada@example.org" }));
    client.post("/api/v1/pledges").idempotency_key(&used).json(first).send().await.expect(201);
    let on = |campaign: &Campaign, changes: Value| {
        changed(changed(everything.clone(), json!({ "campaign_id": campaign.id })), changes)
    };
    let post = || client.post("/api/v1/pledges");
    let cases: Vec<(Request, u16, &str)> = vec![
        (post().bearer("nonsense").json(&form), 401, "unauthorized"),
        (post().json(&form), 400, "idempotency-key-missing"),
        (post().raw("{"), 400, "idempotency-key-missing"),
        (post().idempotency_key("short").raw("{"), 400, "idempotency-key-invalid"),
        (post().idempotency_key(&used).raw("{"), 400, "malformed-json"),
        (post().idempotency_key(&used).json(&form), 400, "validation-failed"),
        (post().idempotency_key(&used).json(&everything), 422, "idempotency-key-reused"),
        (post().idempotency_key(&key).json(&everything), 404, "campaign-not-found"),
        (post().idempotency_key(&key).json(on(&draft, json!({}))), 404, "campaign-not-found"),
        (post().idempotency_key(&key).json(on(&paused, json!({}))), 409, "campaign-not-accepting"),
        (post().idempotency_key(&key).json(on(&open, json!({}))), 422, "currency-mismatch"),
        (
            post().idempotency_key(&key).json(on(&open, json!({ "currency": "USD" }))),
            422,
            "amount-out-of-range",
        ),
    ];
    for (request, status, code) in cases {
        request.send().await.expect_problem(status, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_refused_for_its_first_mistake() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 100).await;
    let others = campaign.pledge(&client, 100).await;
    let post = || client.post("/api/v1/payments");
    let order = json!({ "pledge_id": others.id });
    let key = new_key();
    pledge.cancel(&client, &key).send().await.expect(200);
    let cases: Vec<(Request, u16, &str)> = vec![
        (post().raw("{"), 401, "unauthorized"),
        (post().bearer("x").json(&order), 401, "unauthorized"),
        (post().bearer(&pledge.token).raw("{"), 400, "idempotency-key-missing"),
        (post().bearer(&pledge.token).idempotency_key(&key).raw("{"), 400, "malformed-json"),
        (
            post().bearer(&pledge.token).idempotency_key(&key).json(&order),
            422,
            "idempotency-key-reused",
        ),
        (post().bearer(&pledge.token).idempotency_key(new_key()).json(&order), 404, "not-found"),
        (pledge.pay_with(&client, &new_key(), json!({})), 409, "pledge-not-payable"),
    ];
    for (request, status, code) in cases {
        request.send().await.expect_problem(status, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_is_refused_for_its_first_mistake() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 100).await;
    let stranger = sign_up(&client).await;
    let path = format!("/api/v1/pledges/{}/cancel", pledge.id);
    let unknown = format!("/api/v1/pledges/{UNKNOWN}/cancel");
    let cases: Vec<(Request, u16, &str)> = vec![
        (client.post(&path), 401, "unauthorized"),
        (client.post(&path).bearer(&pledge.token), 400, "idempotency-key-missing"),
        (
            client.post(&path).bearer(&pledge.token).idempotency_key("x").raw("{"),
            400,
            "idempotency-key-invalid",
        ),
        (pledge.cancel(&client, &new_key()).json(json!({ "x": 1 })), 400, "validation-failed"),
        (client.post(&path).bearer(&stranger).idempotency_key("1"), 404, "not-found"),
        (client.post(&path).bearer(&campaign.owner).idempotency_key("1"), 404, "not-found"),
        (client.post(&unknown).bearer(&pledge.token).idempotency_key(new_key()), 404, "not-found"),
    ];
    for (request, status, code) in cases {
        request.send().await.expect_problem(status, code);
    }
    assert_eq!(pledge.read(&client).await["status"], "pending");
}
