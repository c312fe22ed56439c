//! The rules of `POST /pledges`.

use std::time::Duration;

use careforall::kernel::clock;
use serde_json::{Value, json};

use crate::support::{
    donation::{Campaign, PATIENCE, builder, changed, new_key, promise, sign_up},
    eventually,
};

fn guilty(body: &Value) -> &Value {
    &body["errors"][0]["field"]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_out_of_form_names_the_field() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let long = "x".repeat(4096);
    for (field, value) in [
        ("donor_email", Value::Null),
        ("donor_email", json!("ada")),
        ("amount_minor", Value::Null),
        ("amount_minor", json!(0)),
        ("amount_minor", json!(-5)),
        ("amount_minor", json!(1.5)),
        ("amount_minor", json!(1.0)),
        ("amount_minor", json!("100")),
        ("currency", json!("usd")),
        ("currency", json!("XXX")),
        ("campaign_id", json!("1")),
        ("message", json!("x".repeat(501))),
        ("message", json!("take 4242 4242 4242 4242")),
        ("metadata", json!({ "note": "4242-4242-4242-4242" })),
        ("metadata", json!({ "number": 4_242_424_242_424_242_i64 })),
        ("metadata", json!({ "big": long })),
        ("metadata", json!([1])),
        ("surprise", json!(1)),
    ] {
        let mut changes = json!({});
        changes[field] = value;
        let answer =
            promise(&client, &new_key(), &changed(campaign.gift(100), changes.clone())).await;
        let problem = answer.expect_problem(400, "validation-failed");
        assert_eq!(guilty(&problem.body), field, "{changes}");
        assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    }
    assert_eq!(campaign.totals(&client).await["pledged_minor"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_out_of_range_and_of_another_currency_are_refused() {
    let server = builder().env("CAREFORALL_PLEDGES__MIN_AMOUNT_MINOR", 100).start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let gift = campaign.gift(100);
    for amount in ["99", "100000000", "9223372036854775808", "123456789012345678901234567890"] {
        let body = changed(gift.clone(), json!({ "amount_minor": "?" })).to_string();
        let post = client.post("/api/v1/pledges").idempotency_key(new_key());
        let answer = post.raw(body.replace("\"?\"", amount)).send().await;
        answer.expect_problem(422, "amount-out-of-range");
    }
    let yen = changed(gift, json!({ "currency": "JPY" }));
    promise(&client, &new_key(), &yen).await.expect_problem(422, "currency-mismatch");
    for amount in [100, 99_999_999] {
        promise(&client, &new_key(), &campaign.gift(amount)).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_give_as_themselves() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let token = sign_up(&client).await;
    let post = || client.post("/api/v1/pledges").bearer(&token).idempotency_key("1");
    let named = post().json(campaign.gift(100)).send().await;
    let problem = named.expect_problem(400, "validation-failed");
    assert_eq!(guilty(&problem.body), "donor_email");
    let mine = changed(
        campaign.gift(100),
        json!({ "donor_email": null, "anonymous": true,
        "donor_name": "Ada", "message": "Go on!", "metadata": { "source": "mail" } }),
    );
    let made = post().json(&mine).send().await.expect(201);
    assert_eq!(made.body["guest_token"], Value::Null);
    assert_eq!((&made.body["status"], &made.body["version"]), (&json!("pending"), &json!(1)));
    for name in ["donor_name", "anonymous", "message", "metadata", "currency", "amount_minor"] {
        assert_eq!(made.body[name], mine[name], "{name}");
    }
    let me = client.get("/api/v1/me").bearer(&token).send().await.expect(200);
    assert_eq!(made.text("donor_email"), me.text("email"));
}

#[tokio::test(flavor = "multi_thread")]
async fn campaigns_that_take_no_gifts_say_so() {
    let server = builder().start().await;
    let client = server.client();
    let draft = Campaign::draft(&client, json!({})).await;
    promise(&client, &new_key(), &draft.gift(1)).await.expect_problem(404, "campaign-not-found");
    let later = json!({ "starts_at": clock::now() + Duration::from_hours(1) });
    let early = Campaign::open_with(&client, later).await;
    let refused = promise(&client, &new_key(), &early.gift(1)).await;
    refused.expect_problem(409, "campaign-not-accepting");
    for (action, then) in [("publish", 201), ("pause", 409), ("resume", 201), ("end", 409)] {
        draft.act(&client, action).await;
        promise(&client, &new_key(), &draft.gift(1)).await.expect(then);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_that_passes_ends_the_gifts() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let (key, gift) = (new_key(), campaign.gift(100));
    let first = promise(&client, &key, &gift).await.expect(201);
    // only now: a slow machine has no deadline to miss before
    let soon = json!({ "ends_at": clock::now() + Duration::from_secs(3) });
    campaign.revise(&client, soon).await;
    eventually(PATIENCE, || async {
        let answer = promise(&client, &new_key(), &campaign.gift(100)).await;
        answer.status == 409 && answer.body["code"] == "campaign-not-accepting"
    })
    .await;
    let again = promise(&client, &key, &gift).await.expect(201);
    assert_eq!(again.body, first.body);
}
