//! Disputes, as the bank opens and decides them.

use serde_json::json;

use super::Office;
use crate::support::{
    donation::{PATIENCE, close_dispute},
    eventually,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_withdraws_the_gift_until_it_is_won() {
    let office = Office::new().await;
    let client = &office.world.client;
    let pledge = office.world.campaign.pledge(client, 10_000).await;
    let payment = pledge.pay(client, "pm_dispute").await;
    pledge.becomes(client, "disputed").await;
    office.world.ends_with(10_000, 0, 10_000).await;
    // of what is disputed nothing can be given back
    let refused = payment.refund(client, &office.admin, 1).send().await;
    refused.expect_problem(422, "refund-exceeds-available");

    let dispute = office.world.books.sql.query_one("SELECT id FROM sandbox.disputes", &[]).await;
    let dispute = json!({ "id": dispute.unwrap().get::<_, String>(0) });
    close_dispute(client, &dispute, "won").await;

    pledge.becomes(client, "completed").await;
    office.world.ends_with(10_000, 0, 0).await;
    payment.refund(client, &office.admin, 10_000).send().await.expect(202);
    pledge.becomes(client, "refunded").await;
    office.world.ends_with(10_000, 10_000, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_of_more_than_is_left_takes_what_is_left_and_keeps_it_when_lost() {
    let office = Office::new().await;
    let client = &office.world.client;
    let (pledge, payment) = office.paid("pm_success").await;
    payment.refund(client, &office.admin, 3000).send().await.expect(202);
    office.refunded(&pledge, 3000).await;

    let dispute = payment.at_counter(client, "disputes", json!({ "amount_minor": 12_000 })).await;
    pledge.becomes(client, "disputed").await;
    office.world.ends_with(10_000, 3000, 7000).await;
    close_dispute(client, &dispute, "lost").await;

    let history =
        format!("payment.history WHERE event = 'dispute.lost' AND payment_id = '{}'", payment.id);
    eventually(PATIENCE, || async { office.world.books.count(&history).await == 1 }).await;
    office.world.ends_with(10_000, 3000, 7000).await;
    assert_eq!(pledge.read(client).await["status"], "disputed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_takes_from_what_a_smaller_dispute_leaves() {
    let office = Office::new().await;
    let client = &office.world.client;
    let (pledge, payment) = office.paid("pm_success").await;
    payment.at_counter(client, "disputes", json!({ "amount_minor": 4000 })).await;
    office.world.campaign.totals_become(client, json!({ "disputed_minor": 4000 })).await;

    let more = payment.refund(client, &office.admin, 6001).send().await;
    more.expect_problem(422, "refund-exceeds-available");
    payment.refund(client, &office.admin, 6000).send().await.expect(202);

    pledge.becomes(client, "disputed").await;
    office.world.ends_with(10_000, 6000, 4000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inquiry_that_is_answered_moves_no_money_and_one_that_is_not_does() {
    let office = Office::new().await;
    let (client, books) = (&office.world.client, &office.world.books);
    let (pledge, payment) = office.paid("pm_success").await;
    let inquire = async || payment.at_counter(client, "disputes", json!({ "inquiry": true })).await;

    let answered = inquire().await;
    close_dispute(client, &answered, "won").await;

    let heard = "payment.webhook_inbox WHERE event_type = 'dispute.won' AND status <> 'pending'";
    eventually(PATIENCE, || async { books.count(heard).await == 1 }).await;
    assert_eq!(payment.read(client).await["disputed_minor"], 0);
    assert_eq!(books.count("payment.ledger WHERE kind = 'disputed'").await, 0);

    let escalated = inquire().await;
    close_dispute(client, &escalated, "escalated").await;
    pledge.becomes(client, "disputed").await;
    close_dispute(client, &escalated, "won").await;
    pledge.becomes(client, "completed").await;
    office.world.ends_with(10_000, 0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inquiry_moves_no_money() {
    let office = Office::new().await;
    let client = &office.world.client;
    let (pledge, payment) = office.paid("pm_success").await;

    payment.at_counter(client, "disputes", json!({ "inquiry": true })).await;

    let heard =
        "payment.webhook_inbox WHERE event_type = 'dispute.inquiry_opened' AND status = 'ignored'";
    eventually(PATIENCE, || async { office.world.books.count(heard).await == 1 }).await;
    pledge.becomes(client, "completed").await;
    office.world.ends_with(10_000, 0, 0).await;
    payment.refund(client, &office.admin, 10_000).send().await.expect(202);
}
