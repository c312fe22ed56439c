//! Events at the door: of other applications, of the other mode, and of sums only.

use serde_json::{Value, json};

use super::world::{Shop, send};
use crate::support::{
    donation::{Campaign, Event, PATIENCE},
    eventually,
};

async fn captured(shop: &Shop) -> crate::support::donation::Payment {
    let campaign = Campaign::open(&shop.client).await;
    let payment = campaign.pledge(&shop.client, 2500).await.pay(&shop.client, "pm_card_visa").await;
    shop.deliver_newest("payment_intent.succeeded").await;
    payment.becomes(&shop.client, "captured").await;
    payment
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ours_is_ignored_and_what_may_be_is_kept() {
    let shop = Shop::open().await;
    let intent = json!({ "id": "pi_theirs", "object": "payment_intent", "currency": "usdc",
                         "amount_received": 5, "status": "succeeded", "metadata": {} });
    let marked = json!({ "payment_id": "order 7" });
    let charge = json!({ "id": "ch_theirs", "object": "charge", "currency": "eur", "metadata": marked,
                         "amount_refunded": 5, "payment_intent": "pi_theirs" });
    let loose = json!({ "id": "re_theirs", "object": "refund", "amount": 5, "currency": "eur",
                        "status": "succeeded", "payment_intent": null, "charge": "ch_old" });
    let refund = json!({ "id": "re_whose", "object": "refund", "amount": 5, "currency": "eur",
                         "status": "succeeded", "payment_intent": "pi_whose" });
    let customer = json!({ "id": "cus_1", "object": "customer", "metadata": null });
    for (event_type, object, status, reason) in [
        ("payment_intent.succeeded", intent, "ignored", "not_ours"),
        ("charge.refunded", charge, "ignored", "not_ours"),
        ("refund.updated", loose, "ignored", "not_ours"),
        ("refund.created", refund, "deferred", "payment_unknown"),
        ("customer.created", customer, "ignored", "unknown_type"),
        ("v2.something.new", Value::Null, "ignored", "unknown_type"),
    ] {
        let event = shop.fake.world().tell(event_type, object);
        shop.deliver(&event).await;
        shop.books.comes_to(&Event(event), status, Some(reason)).await;
    }
    assert_eq!(shop.books.count("payment.history").await, 0);
}

/// In the dashboard somebody has emptied the metadata: the intent's own name is known all the same.
#[tokio::test(flavor = "multi_thread")]
async fn our_intent_is_known_without_its_mark() {
    let shop = Shop::open().await;
    let campaign = Campaign::open(&shop.client).await;
    let payment = campaign.pledge(&shop.client, 2500).await.pay(&shop.client, "pm_card_visa").await;
    let mut event = shop.fake.said("payment_intent.succeeded");
    event["data"]["object"]["metadata"] = json!({});
    shop.deliver(&event).await;
    assert_eq!(shop.amounts(&payment, "captured").await, [2500, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_live_mode_is_refused_quarantined_and_counted() {
    let mut shop = Shop::open().await;
    let payment = captured(&shop).await;
    let charge = json!({ "id": "ch_1", "object": "charge", "currency": "usd", "metadata": {},
                         "payment_intent": payment.provider_payment_id, "amount_refunded": 2500 });
    let mut event = shop.fake.world().tell("charge.refunded", charge);
    event["livemode"] = json!(true);
    send(&shop.client, &event).await.expect_problem(400, "webhook-malformed");
    let rows = "payment.webhook_inbox WHERE status = 'quarantined' AND reason LIKE '%test mode%'";
    assert_eq!(shop.books.count(rows).await, 1);
    assert_eq!(shop.amounts(&payment, "captured").await, [2500, 0, 0]);
    let metrics = shop.server.metrics_text().await;
    let counted = r#"webhooks_total{provider="stripe",outcome="wrong_mode"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
    assert!(
        shop.server.whole_log().await.contains("is the webhook's secret that of the other mode?")
    );
}

/// The webhook of the refund itself was lost; the sum makes us ask for the list.
#[tokio::test(flavor = "multi_thread")]
async fn a_sum_of_refunds_that_we_do_not_know_is_looked_into() {
    let shop = Shop::open().await;
    let payment = captured(&shop).await;
    let fields = [("payment_intent", payment.provider_payment_id.as_str()), ("amount", "900")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    shop.fake.world().refund(&super::fake::Fields(fields));
    let sum = Event(shop.deliver_newest("charge.refunded").await);
    shop.books.comes_to(&sum, "applied", None).await;
    assert_eq!(shop.amounts(&payment, "captured").await, [2500, 900, 0]);
    let asked = shop.fake.asked("GET refunds").len();
    assert_eq!(asked, 1);
    // the refund's own event changes nothing any more, nor does the sum once more
    let own = Event(shop.deliver_newest("refund.created").await);
    shop.books.comes_to(&own, "ignored", Some("duplicate")).await;
    let mut again = sum.0.clone();
    again["id"] = json!("evt_again");
    shop.deliver(&again).await;
    shop.books.comes_to(&Event(again), "ignored", Some("duplicate")).await;
    assert_eq!(shop.fake.asked("GET refunds").len(), asked);
    shop.books.balance().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_under_way_is_waited_for() {
    let shop = Shop::open().await;
    let payment = captured(&shop).await;
    for (status, refunded) in
        [("pending", 0), ("requires_action", 0), ("succeeded", 800), ("canceled", 0)]
    {
        let refund = json!({ "id": "re_slow", "object": "refund", "amount": 800, "currency": "usd",
                             "status": status, "payment_intent": { "id": payment.provider_payment_id } });
        let event = shop.fake.world().tell("refund.updated", refund);
        shop.deliver(&event).await;
        shop.books.balance().await;
        assert_eq!(shop.amounts(&payment, "captured").await, [2500, refunded, 0], "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_is_heard_of_and_one_that_is_used_up_is_not_another() {
    let shop = Shop::open().await;
    let campaign = Campaign::open(&shop.client).await;
    let pledge = campaign.pledge(&shop.client, 2500).await;
    let manual = json!({ "payment_method": "pm_card_visa", "capture_method": "manual" });
    let key = crate::support::donation::new_key();
    let payment = pledge.made(pledge.pay_with(&shop.client, &key, manual).send().await);
    let event = shop.deliver_newest("payment_intent.amount_capturable_updated").await;
    payment.becomes(&shop.client, "authorized").await;
    let mut nothing = event.clone();
    nothing["id"] = json!("evt_nothing");
    nothing["data"]["object"]["amount_capturable"] = json!(0);
    shop.deliver(&nothing).await;
    shop.books.comes_to(&Event(nothing), "ignored", Some("ignored")).await;
    let captured = json!({ "id": "ch_1", "object": "charge", "currency": "usd",
                           "amount_captured": 2500, "payment_intent": payment.provider_payment_id });
    let event = shop.fake.world().tell("charge.captured", captured);
    shop.deliver(&event).await;
    assert_eq!(shop.amounts(&payment, "captured").await, [2500, 0, 0]);
    eventually(PATIENCE, || async { pledge.read(&shop.client).await["status"] == "completed" })
        .await;
    shop.books.balance().await;
}
