//! Captured and cancelled by hand, and holds that end.

use serde_json::json;

use super::Office;
use crate::support::{
    donation::{PATIENCE, Payment, Pledge, new_key, plan_fault},
    eventually,
};

/// 100.00 USD set aside, to be captured by hand.
pub async fn held(office: &Office, method: &str) -> (Pledge, Payment) {
    let client = &office.world.client;
    let pledge = office.world.campaign.pledge(client, 10_000).await;
    let with = json!({ "payment_method": method, "capture_method": "manual" });
    let payment = pledge.made(pledge.pay_with(client, &new_key(), with).send().await);
    if method == "pm_silent" {
        payment.event("payment.authorized").accepted(client).await;
    }
    payment.becomes(client, "authorized").await;
    (pledge, payment)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_captured_once() {
    let office = Office::new().await;
    let (client, admin) = (&office.world.client, &office.admin);
    let (pledge, payment) = held(&office, "pm_success").await;
    let key = new_key();
    let capture = || payment.act(client, admin, &key, "capture").send();

    let done = capture().await.expect(200);

    assert_eq!(
        (done.text("status"), &done.body["captured_minor"]),
        ("captured".into(), &json!(10_000))
    );
    let replay = capture().await.expect(200);
    assert_eq!((replay.header("idempotent-replayed"), &replay.body), (Some("true"), &done.body));
    for act in ["capture", "cancel"] {
        let again = payment.act(client, admin, &new_key(), act).send().await;
        again.expect_problem(409, "invalid-transition");
    }
    pledge.becomes(client, "completed").await;
    assert_eq!(payment.bank_has(client).await["captures"], 1);
    office.world.ends_with(10_000, 0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_whose_answer_is_lost_is_the_same_capture() {
    let office = Office::new().await;
    let (client, admin) = (&office.world.client, &office.admin);
    for fault in ["fail", "lose_answer"] {
        let (_, payment) = held(&office, "pm_silent").await;
        plan_fault(client, "capture", fault, 1, 0).await;
        let key = new_key();
        let capture = || payment.act(client, admin, &key, "capture").send();
        capture().await.expect_problem(503, "provider-unavailable");
        assert_eq!(payment.read(client).await["status"], "authorized");
        capture().await.expect(200);
        assert_eq!(payment.bank_has(client).await["captures"], 1);
    }
    office.world.ends_with(20_000, 0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_cancelled_and_the_pledge_stays_payable() {
    let office = Office::new().await;
    let (client, admin) = (&office.world.client, &office.admin);
    let (pledge, payment) = held(&office, "pm_success").await;
    plan_fault(client, "cancel", "lose_answer", 1, 0).await;
    let key = new_key();
    let cancel = || payment.act(client, admin, &key, "cancel").send();

    cancel().await.expect_problem(503, "provider-unavailable");
    let done = cancel().await.expect(200);

    assert_eq!(done.text("status"), "failed");
    assert_eq!(cancel().await.expect(200).body, done.body);
    assert_eq!(payment.bank_has(client).await["status"], "canceled");
    for act in ["capture", "cancel"] {
        let again = payment.act(client, admin, &new_key(), act).send().await;
        again.expect_problem(409, "invalid-transition");
    }
    pledge.becomes(client, "failed").await;
    pledge.pay(client, "pm_success").await;
    pledge.becomes(client, "completed").await;
    office.world.ends_with(10_000, 0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_for_a_cancelled_pledge_is_not_captured() {
    let office = Office::new().await;
    let (client, admin) = (&office.world.client, &office.admin);
    let (pledge, payment) = held(&office, "pm_success").await;
    plan_fault(client, "cancel", "fail", 1000, 0).await;
    pledge.cancel(client, &new_key()).send().await.expect(200);
    let intents = || async { office.world.books.count("payment.cancel_intents").await == 1 };
    eventually(PATIENCE, intents).await;

    let capture = payment.act(client, admin, &new_key(), "capture").send().await;

    capture.expect_problem(409, "invalid-transition");
    assert_eq!(payment.bank_has(client).await["captures"], 0);
    office.world.ends_with(0, 0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_that_comes_too_late_finds_the_capture() {
    let office = Office::new().await;
    let client = &office.world.client;
    let pledge = office.world.campaign.pledge(client, 10_000).await;
    let payment = pledge.pay(client, "pm_silent").await;

    let late = payment.act(client, &office.admin, &new_key(), "cancel").send().await;

    late.expect_problem(409, "invalid-transition");
    payment.becomes(client, "captured").await;
    pledge.becomes(client, "completed").await;
    office.world.ends_with(10_000, 0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_ends_has_failed_for_good() {
    let office = Office::new().await;
    let client = &office.world.client;
    let (pledge, payment) = held(&office, "pm_success").await;

    payment.at_counter(client, "expire", json!({})).await;

    payment.becomes(client, "failed").await;
    pledge.becomes(client, "failed").await;
    let capture = payment.act(client, &office.admin, &new_key(), "capture").send().await;
    capture.expect_problem(409, "invalid-transition");
    let closed = format!("payment.payments WHERE closed AND id = '{}'", payment.id);
    assert_eq!(office.world.books.count(&closed).await, 1);
    office.world.ends_with(0, 0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_of_a_hold_that_ended_unheard_finds_out() {
    let office = Office::new().await;
    let client = &office.world.client;
    let (pledge, payment) = held(&office, "pm_silent").await;
    payment.at_counter(client, "expire", json!({})).await;

    let capture = payment.act(client, &office.admin, &new_key(), "capture").send().await;

    capture.expect_problem(409, "invalid-transition");
    payment.becomes(client, "failed").await;
    pledge.becomes(client, "failed").await;
    office.world.ends_with(0, 0, 0).await;
}
