//! Whole donations through the real program, with Stripe as the default provider.

use serde_json::json;

use super::world::Shop;
use crate::support::donation::{Campaign, changed, new_key, promise};

#[tokio::test(flavor = "multi_thread")]
async fn a_gift_is_captured_refunded_at_the_dashboard_and_counted() {
    let shop = Shop::open().await;
    let campaign = Campaign::open(&shop.client).await;
    let pledge = campaign.pledge(&shop.client, 2500).await;
    let payment = pledge.begin_payment(&shop.client).await;
    let body = payment.read(&shop.client).await;
    assert_eq!(
        (body["provider"].as_str(), body["status"].as_str()),
        (Some("stripe"), Some("pending"))
    );
    assert!(body["client_secret"].as_str().unwrap().starts_with(&payment.provider_payment_id));
    // the donor pays at Stripe's
    shop.fake.world().confirm(&payment.provider_payment_id, "pm_card_visa");
    shop.deliver_newest("payment_intent.succeeded").await;
    assert_eq!(shop.amounts(&payment, "captured").await, [2500, 0, 0]);
    pledge.becomes(&shop.client, "completed").await;
    campaign
        .totals_become(&shop.client, json!({ "captured_minor": 2500, "net_minor": 2500 }))
        .await;
    // somebody gives some of it back by hand, then all
    for (amount, status, refunded) in [(1000, "captured", 1000), (1500, "refunded", 2500)] {
        refund_at_dashboard(&shop, &payment.provider_payment_id, amount);
        shop.deliver_newest("refund.created").await;
        let net = json!({ "refunded_minor": refunded, "net_minor": 2500 - refunded });
        campaign.totals_become(&shop.client, net).await;
        assert_eq!(shop.amounts(&payment, status).await, [2500, refunded, 0]);
    }
    // the last of them fails after all
    let last = shop.fake.world().refunds.last().unwrap()["id"].as_str().unwrap().to_owned();
    let failed = shop.fake.world().fail_refund(&last);
    shop.deliver(&failed).await;
    assert_eq!(shop.amounts(&payment, "captured").await, [2500, 1000, 0]);
    shop.books.balance().await;
}

fn refund_at_dashboard(shop: &Shop, intent: &str, amount: i64) {
    let fields = [("payment_intent", intent.to_owned()), ("amount", amount.to_string())];
    let fields = fields.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let (status, _) = shop.fake.world().refund(&super::fake::Fields(fields));
    assert_eq!(status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_stripe_says_in_any_order_ends_alike() {
    let shop = Shop::open().await;
    let campaign = Campaign::open(&shop.client).await;
    let payment = campaign.pledge(&shop.client, 2500).await.pay(&shop.client, "pm_card_visa").await;
    refund_at_dashboard(&shop, &payment.provider_payment_id, 700);
    shop.deliver_all_backwards().await;
    // captured may be heard while Stripe is still asked about the refund
    shop.books.balance().await;
    assert_eq!(shop.amounts(&payment, "captured").await, [2500, 700, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_takes_the_money_and_an_inquiry_does_not() {
    let shop = Shop::open().await;
    let campaign = Campaign::open(&shop.client).await;
    let payment = campaign.pledge(&shop.client, 2500).await.pay(&shop.client, "pm_card_visa").await;
    shop.deliver_newest("payment_intent.succeeded").await;
    payment.becomes(&shop.client, "captured").await;
    let intent = payment.provider_payment_id.as_str();
    for (status, event, disputed) in [
        ("warning_needs_response", "created", 0),
        ("warning_closed", "closed", 0),
        ("needs_response", "created", 0),
        ("needs_response", "funds_withdrawn", 2000),
        ("won", "funds_reinstated", 0),
        ("won", "closed", 0),
    ] {
        let event = shop.fake.world().dispute(intent, 2000, status, event);
        shop.deliver(&event).await;
        shop.books.balance().await;
        let now = shop.amounts(&payment, "captured").await;
        assert_eq!(now, [2500, 0, disputed], "{status} {event}");
    }
    let net = json!({ "net_minor": 2500, "disputed_minor": 0 });
    campaign.totals_become(&shop.client, net).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_card_is_402_and_another_payment_may_follow() {
    let shop = Shop::open().await;
    let campaign = Campaign::open(&shop.client).await;
    let pledge = campaign.pledge(&shop.client, 2500).await;
    let (key, refused) = (new_key(), json!({ "payment_method": "pm_card_visa_chargeDeclined" }));
    for _ in 0..2 {
        let request = pledge.pay_with(&shop.client, &key, refused.clone());
        let answer = request.send().await.expect_problem(402, "payment-declined");
        assert!(answer.text("detail").contains("Your card was declined."));
    }
    assert_eq!(shop.fake.world().intents.len(), 1);
    let payment = pledge.pay(&shop.client, "pm_card_visa").await;
    let first = shop.fake.world().intents[0]["status"].clone();
    assert_eq!(first, "canceled", "the first could have succeeded still");
    shop.deliver_all_backwards().await;
    assert_eq!(shop.amounts(&payment, "captured").await, [2500, 0, 0]);
    shop.books.balance().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_pledge_cancels_its_intent() {
    let shop = Shop::open().await;
    let campaign = Campaign::open(&shop.client).await;
    let pledge = campaign.pledge(&shop.client, 2500).await;
    let payment = pledge.begin_payment(&shop.client).await;
    pledge.cancel(&shop.client, &new_key()).send().await.expect(200);
    payment.becomes(&shop.client, "failed").await;
    assert_eq!(shop.fake.world().intents[0]["status"], "canceled");
    shop.deliver_newest("payment_intent.canceled").await;
    shop.books.balance().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn yen_are_whole_and_what_stripe_cannot_count_is_422() {
    let shop = Shop::open().await;
    for (currency, amount, counted) in [
        ("JPY", 500, Some(500)),
        ("ISK", 500, Some(50_000)),
        ("KWD", 5124, None),
        ("IQD", 10, None),
    ] {
        let campaign = Campaign::open_with(&shop.client, json!({ "currency": currency })).await;
        let gift = changed(campaign.gift(amount), json!({ "currency": currency }));
        let promised = promise(&shop.client, &new_key(), &gift).await.expect(201);
        let order = json!({ "pledge_id": promised.text("id"), "payment_method": "pm_card_visa" });
        let request = shop.client.post("/api/v1/payments").bearer(promised.text("guest_token"));
        let answer = request.idempotency_key(new_key()).json(order).send().await;
        let Some(counted) = counted else {
            answer.expect_problem(422, "amount-out-of-range");
            continue;
        };
        answer.expect(201);
        assert_eq!(shop.fake.world().intents.last().unwrap()["amount"], counted);
        shop.deliver_newest("payment_intent.succeeded").await;
        let total = json!({ "captured_minor": amount, "currency": currency });
        campaign.totals_become(&shop.client, total).await;
    }
    shop.books.balance().await;
}
