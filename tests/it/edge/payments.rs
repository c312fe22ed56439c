//! Who tries out cards is slowed down.

use serde_json::json;

use super::{expect_limited, limited};
use crate::{
    auth::api_keys::create,
    support::{
        Client, Response,
        donation::{Campaign, Pledge, new_key, sign_up},
    },
};

async fn pay(client: &Client, pledge: &Pledge, method: &str, address: &str) -> Response {
    let request = pledge.pay_with(client, &new_key(), json!({ "payment_method": method }));
    request.header("x-forwarded-for", address).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_makes_so_many_payments_in_an_hour() {
    let server = limited().env("CAREFORALL_RATE_LIMIT__PAYMENTS_PER_IP_PER_HOUR", 2).start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 100).await;
    for _ in 0..2 {
        pay(&client, &pledge, "pm_declined", "192.0.2.1").await.expect(402);
    }
    expect_limited(pay(&client, &pledge, "pm_success", "192.0.2.1").await);
    // nothing was written, and the pledge can be paid
    pay(&client, &pledge, "pm_success", "192.0.2.2").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_keys_of_a_user_make_so_many_payments_in_an_hour() {
    let server =
        limited().env("CAREFORALL_RATE_LIMIT__PAYMENTS_PER_USER_PER_HOUR", 2).start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let (ada, bob) = (sign_up(&client).await, sign_up(&client).await);
    let keys = [create(&server, &ada).await, create(&server, &ada).await];
    for (key, address) in keys.iter().zip(["192.0.2.1", "192.0.2.2"]) {
        let pledge = campaign.pledge_by(&client, key, 100).await;
        pay(&client, &pledge, "pm_declined", address).await.expect(402);
    }
    let another = create(&server, &ada).await;
    let pledge = campaign.pledge_by(&client, &another, 100).await;
    expect_limited(pay(&client, &pledge, "pm_success", "192.0.2.3").await);
    // in person the address counts, and others have limits of their own
    let in_person = campaign.pledge_by(&client, &ada, 100).await;
    pay(&client, &in_person, "pm_success", "192.0.2.3").await.expect(201);
    let bobs = campaign.pledge_by(&client, &create(&server, &bob).await, 100).await;
    pay(&client, &bobs, "pm_success", "192.0.2.3").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_card_makes_so_many_payments_from_wherever() {
    let server =
        limited().env("CAREFORALL_RATE_LIMIT__PAYMENTS_PER_SOURCE_PER_HOUR", 2).start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let account = json!({ "owner_name": "Ada", "balance_minor": 100_000, "currency": "USD" });
    let account = client.post("/api/v1/sandbox/accounts").json(account).send().await.expect(201);
    let card = format!("account:{}", account.text("account_number"));
    for address in ["192.0.2.1", "192.0.2.2"] {
        let pledge = campaign.pledge(&client, 100).await;
        pay(&client, &pledge, &card, address).await.expect(201);
    }
    let pledge = campaign.pledge(&client, 100).await;
    expect_limited(pay(&client, &pledge, &card, "192.0.2.3").await);
    // the words that everybody tests with are nobody's card
    pay(&client, &pledge, "pm_success", "192.0.2.3").await.expect(201);
}
