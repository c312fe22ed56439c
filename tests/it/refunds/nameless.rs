//! A payment of which we do not know what the provider calls it: its answer was lost.

use serde_json::json;

use super::Office;
use crate::support::{
    donation::{PATIENCE, Payment, new_key, plan_fault},
    eventually,
};

/// Heard of by our id only.
async fn forget_name(office: &Office, payment: &Payment) {
    let name = "UPDATE payment.payments SET provider_payment_id = NULL WHERE id";
    office.world.books.execute(&format!("{name} = '{}'", payment.id)).await;
}

async fn is_named_again(office: &Office, payment: &Payment) {
    let now = payment.read(&office.world.client).await;
    assert_eq!(now["provider_payment_id"], payment.provider_payment_id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_looked_for_at_the_provider_and_refunded() {
    let office = Office::new().await;
    let client = &office.world.client;
    let (pledge, payment) = office.silently_paid().await;
    forget_name(&office, &payment).await;
    let refund = payment.refund(client, &office.admin, 4000).send().await.expect(202);
    assert_eq!(refund.text("status"), "succeeded");
    is_named_again(&office, &payment).await;
    office.refunded(&pledge, 4000).await;
    office.world.ends_with(10_000, 4000, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_cannot_be_looked_for_the_amount_is_reserved_and_nothing_given_up() {
    let office = Office::new().await;
    let client = &office.world.client;
    let (pledge, payment) = office.silently_paid().await;
    forget_name(&office, &payment).await;
    plan_fault(client, "find", "fail", 1, 0).await;
    let asked = payment.refund(client, &office.admin, 4000).send().await;
    asked.expect_problem(503, "provider-unavailable");
    let more = payment.refund(client, &office.admin, 6001).send().await;
    more.expect_problem(422, "refund-exceeds-available");
    // the worker goes on
    office.refunded(&pledge, 4000).await;
    is_named_again(&office, &payment).await;
    assert_eq!(payment.bank_refunds(client).await.len(), 1);
    office.world.ends_with(10_000, 4000, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_cancelled_campaign_it_goes_back_with_the_others() {
    let office = Office::new().await;
    let client = &office.world.client;
    let (pledge, payment) = office.silently_paid().await;
    let (named, _) = office.silently_paid().await;
    forget_name(&office, &payment).await;
    office.world.campaign.act(client, "cancel").await;
    office.refund_all(client).await.expect(202);
    pledge.becomes(client, "refunded").await;
    named.becomes(client, "refunded").await;
    let left = json!({ "payments": 0, "amount_minor": 0 });
    office.run_has(json!({ "skipped": 0, "refunds_done": 2, "left": left })).await;
    office.world.ends_with(20_000, 20_000, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_under_it_is_captured_by_hand() {
    let office = Office::new().await;
    let client = &office.world.client;
    let manual = json!({ "capture_method": "manual", "payment_method": "pm_success" });
    let pledge = office.world.campaign.pledge(client, 10_000).await;
    let payment = pledge.made(pledge.pay_with(client, &new_key(), manual).send().await);
    payment.becomes(client, "authorized").await;
    forget_name(&office, &payment).await;
    let done = payment.act(client, &office.admin, &new_key(), "capture").send().await.expect(200);
    assert_eq!(done.text("status"), "captured");
    let captured = || async { payment.bank_has(client).await["captured_minor"] == 10_000 };
    eventually(PATIENCE, captured).await;
    is_named_again(&office, &payment).await;
    office.world.ends_with(10_000, 0, 0).await;
}
