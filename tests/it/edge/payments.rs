//! Who tries out cards is slowed down.

use serde_json::json;

use super::{expect_limited, limited};
use crate::support::{
    Client, Response,
    donation::{Campaign, Pledge, new_key},
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
