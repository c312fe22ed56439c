//! Refunds through the real program, with Stripe behind it.

use serde_json::json;

use super::world::Shop;
use crate::support::donation::{Campaign, changed, new_key, promise, sign_up_admin};

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_is_asked_for_once_and_what_stripe_cannot_count_not_at_all() {
    let shop = Shop::open().await;
    let admin = sign_up_admin(&shop.client, &shop.server.database().url()).await;
    let campaign = Campaign::open_with(&shop.client, json!({ "currency": "KWD" })).await;
    let gift = changed(campaign.gift(9000), json!({ "currency": "KWD" }));
    let promised = promise(&shop.client, &new_key(), &gift).await.expect(201);
    let order = json!({ "pledge_id": promised.text("id"), "payment_method": "pm_card_visa" });
    let request = shop.client.post("/api/v1/payments").bearer(promised.text("guest_token"));
    let payment = request.idempotency_key(new_key()).json(order).send().await.expect(201);
    shop.deliver_newest("payment_intent.succeeded").await;
    let captured = json!({ "captured_minor": 9000, "currency": "KWD" });
    campaign.totals_become(&shop.client, captured).await;
    let path = format!("/api/v1/payments/{}/refunds", payment.text("id"));
    let refund = |key: &str, minor: i64| {
        let request = shop.client.post(&path).bearer(&admin).idempotency_key(key);
        request.json(json!({ "amount_minor": minor })).send()
    };

    // 5.124: thousandths have to be tens
    let key = new_key();
    refund(&key, 5124).await.expect_problem(422, "amount-out-of-range");
    assert_eq!(shop.books.count("payment.refunds").await, 0, "nothing is reserved");
    // the key is free
    let done = refund(&key, 5120).await.expect(202);
    assert_eq!(done.body["status"], "succeeded");
    assert_eq!(refund(&key, 5120).await.expect(202).body, done.body);
    let asked = shop.fake.asked("POST refunds");
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].key, Some(format!("re_{}", done.text("id"))));
    assert_eq!(asked[0].fields.get("amount"), Some("5120"));
    // Stripe's own word for it changes nothing more
    shop.deliver_newest("refund.created").await;
    let left = json!({ "refunded_minor": 5120, "net_minor": 3880 });
    campaign.totals_become(&shop.client, left).await;
    shop.books.balance().await;
}
