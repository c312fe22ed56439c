//! Refunds in full, in part, and those that fail.

use serde_json::json;

use super::Office;
use crate::{
    storms::{pairs, told},
    support::donation::{new_key, plan_fault},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_of_all_that_is_left_is_seen_by_everybody() {
    let office = Office::new().await;
    let client = &office.world.client;
    let (pledge, payment) = office.paid("pm_success").await;

    let asked = payment.act(client, &office.admin, &new_key(), "refunds");
    let refund = asked.json(json!({ "reason": "a mistake" })).send().await.expect(202).body;

    let said = ["payment_id", "amount_minor", "currency", "status", "reason"].map(|n| &refund[n]);
    let expected = [&json!(payment.id), &json!(10_000), &json!("USD"), &json!("succeeded")];
    assert_eq!((&said[..4], said[4]), (&expected[..], &json!("a mistake")));
    assert_eq!(office.read(&refund).await, refund);
    pledge.becomes(client, "refunded").await;
    office.refunded(&pledge, 10_000).await;
    let now = payment.read(client).await;
    assert_eq!((&now["status"], &now["refunded_minor"]), (&json!("refunded"), &json!(10_000)));
    let history = told(client, &payment).await;
    assert!(history.contains(&("refund.requested".into(), "applied".into())), "{history:?}");
    assert!(history.contains(&("refund.succeeded".into(), "applied".into())), "{history:?}");
    assert_eq!(payment.bank_has(client).await["refunded_minor"], 10_000);
    office.world.ends_with(10_000, 10_000, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_refunds_in_part_come_to_no_more_than_was_captured() {
    let office = Office::new().await;
    let client = &office.world.client;
    let (pledge, payment) = office.paid("pm_success").await;

    for _ in 0..3 {
        payment.refund(client, &office.admin, 3000).send().await.expect(202);
    }
    pledge.becomes(client, "completed").await;
    office.refunded(&pledge, 9000).await;
    let more = payment.refund(client, &office.admin, 1001).send().await;
    let more = more.expect_problem(422, "refund-exceeds-available");
    assert_eq!(more.body["available_minor"], 1000);
    let rest = payment.act(client, &office.admin, &new_key(), "refunds").send().await.expect(202);
    assert_eq!(rest.body["amount_minor"], 1000);
    pledge.becomes(client, "refunded").await;
    let nothing = payment.act(client, &office.admin, &new_key(), "refunds").send().await;
    nothing.expect_problem(422, "refund-exceeds-available");

    assert_eq!(payment.bank_refunds(client).await.len(), 4);
    office.world.ends_with(10_000, 10_000, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_fails_after_it_succeeded_gives_the_gift_back() {
    let office = Office::new().await;
    let client = &office.world.client;
    let (pledge, payment) = office.paid("pm_refund_fails").await;

    let refund = payment.refund(client, &office.admin, 10_000).send().await.expect(202).body;

    // the bank answers `pending`, unless its webhooks are faster
    let told_first =
        ["pending", "succeeded", "failed"].iter().any(|word| refund["status"] == *word);
    assert!(told_first, "{refund}");
    office.refund_becomes(&refund, "failed").await;
    let history = told(client, &payment).await;
    let end = pairs(&[("refund.succeeded", "applied"), ("refund.failed", "applied")]);
    assert_eq!(history[history.len() - 2..], end);
    pledge.becomes(client, "completed").await;
    office.refunded(&pledge, 0).await;
    office.world.ends_with(10_000, 0, 0).await;
    // nothing is reserved any more
    payment.refund(client, &office.admin, 10_000).send().await.expect(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_overtakes_the_answer_is_found_by_our_id() {
    let office = Office::new().await;
    let client = &office.world.client;
    let (pledge, payment) = office.paid("pm_success").await;
    plan_fault(client, "refund", "delay", 1, 3000).await;

    let asked = payment.refund(client, &office.admin, 4000).send();
    let ((), answer) = futures_util::join!(office.refunded(&pledge, 4000), async {
        let answer = asked.await.expect(202).body;
        assert_eq!(answer["status"], "succeeded");
        answer
    });

    let row = office.read(&answer).await;
    assert_eq!(row["status"], "succeeded");
    office.world.ends_with(10_000, 4000, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_at_the_banks_own_counter_counts_as_well() {
    let office = Office::new().await;
    let client = &office.world.client;
    let (pledge, payment) = office.paid("pm_duplicates").await;

    payment.at_counter(client, "refunds", json!({ "amount_minor": 6000 })).await;

    office.refunded(&pledge, 6000).await;
    let more = payment.refund(client, &office.admin, 4001).send().await;
    more.expect_problem(422, "refund-exceeds-available");
    payment.refund(client, &office.admin, 4000).send().await.expect(202);
    pledge.becomes(client, "refunded").await;
    office.world.ends_with(10_000, 10_000, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_refuses_has_failed_and_is_free_again() {
    let office = Office::new().await;
    let client = &office.world.client;
    let payment = office.world.payment().await;
    // the bank itself knows of no capture
    office.world.send(&[&payment.event("payment.captured")]).await;

    let key = new_key();
    let ask = || payment.act(client, &office.admin, &key, "refunds").send();
    let refund = ask().await.expect(202).body;

    assert_eq!(refund["status"], "failed");
    let replay = ask().await.expect(202);
    assert_eq!((replay.header("idempotent-replayed"), &replay.body), (Some("true"), &refund));
    let another = payment.refund(client, &office.admin, 10_000).send().await.expect(202);
    assert_eq!(another.body["status"], "failed");
    office.world.ends_with(10_000, 0, 0).await;
}
