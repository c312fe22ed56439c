//! The bank fails, loses its answer, or the process is killed: one refund at the bank, with a retry
//! or without.

use serde_json::{Value, json};

use super::Office;
use crate::support::{
    donation::{PATIENCE, Payment, new_key, plan_fault},
    eventually,
};

const EXPIRE: &str = "UPDATE bus.idempotency_key SET lease_until = now() WHERE finished_at IS NULL";
/// Nobody works on it any more.
const ABANDON: &str = "UPDATE payment.refunds SET next_attempt_at = now()";
/// The worker leaves it alone.
const KEEP: &str = "UPDATE payment.refunds SET next_attempt_at = now() + interval '1 hour'";
/// As a refusal gives a key back that another attempt has taken over.
const FREE: &str = "DELETE FROM bus.idempotency_key WHERE finished_at IS NULL";
/// The last call is long over.
const LONG_AGO: &str = "UPDATE payment.refunds SET called_at = now() - interval '1 hour',
                                                   next_attempt_at = now()";

/// A refund whose server was killed while the bank, which had done its part, kept it waiting.
async fn killed_before_phase_c(office: &mut Office) -> (Payment, String) {
    let client = office.world.client.clone();
    let (_, payment) = office.silently_paid().await;
    plan_fault(&client, "refund", "delay", 1, 7000).await;
    let key = new_key();
    let asked = payment.act(&client, &office.admin, &key, "refunds");
    let asked = tokio::spawn(asked.json(json!({ "amount_minor": 4000 })).try_send());
    eventually(PATIENCE, || async { payment.bank_refunds(&client).await.len() == 1 }).await;
    office.world.server.kill9();
    assert!(asked.await.unwrap().is_err(), "the answer was lost");
    office.world.server.start_again().await;
    office.world.client = office.world.server.client();
    (payment, key)
}

async fn only_refund(office: &Office) -> Value {
    let row = office.world.books.sql.query_one("SELECT id::text FROM payment.refunds", &[]).await;
    let id: String = row.unwrap().get(0);
    office.read(&json!({ "id": id })).await
}

async fn ends_once(office: &Office, payment: &Payment) {
    assert_eq!(payment.bank_refunds(&office.world.client).await.len(), 1);
    office.world.ends_with(10_000, 4000, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_phase_c_and_the_client_retries() {
    let mut office = Office::new().await;
    let (payment, key) = killed_before_phase_c(&mut office).await;
    let before = only_refund(&office).await;
    assert_eq!(before["status"], "requested");
    let ask = || {
        let ask = payment.act(&office.world.client, &office.admin, &key, "refunds");
        ask.json(json!({ "amount_minor": 4000 })).send()
    };
    ask().await.expect_problem(409, "idempotency-in-progress");
    office.world.books.execute(EXPIRE).await;
    let answer = ask().await.expect(202).body;
    assert_eq!((&answer["id"], &answer["status"]), (&before["id"], &json!("succeeded")));
    ends_once(&office, &payment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_phase_c_and_the_client_never_retries() {
    let mut office = Office::new().await;
    let (payment, _) = killed_before_phase_c(&mut office).await;
    let before = only_refund(&office).await;
    office.world.books.execute(ABANDON).await;
    office.refund_becomes(&before, "succeeded").await;
    ends_once(&office, &payment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_phase_c_the_worker_goes_on_and_then_the_client_comes_back() {
    let mut office = Office::new().await;
    let (payment, key) = killed_before_phase_c(&mut office).await;
    let before = only_refund(&office).await;
    office.world.books.execute(ABANDON).await;
    office.refund_becomes(&before, "succeeded").await;
    office.world.books.execute(EXPIRE).await;
    let ask = payment.act(&office.world.client, &office.admin, &key, "refunds");
    let answer = ask.json(json!({ "amount_minor": 4000 })).send().await.expect(202).body;
    assert_eq!(answer["id"], before["id"]);
    ends_once(&office, &payment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_bank_fails_the_amount_stays_reserved_and_the_worker_goes_on() {
    let office = Office::new().await;
    let client = &office.world.client;
    let (_, payment) = office.silently_paid().await;
    plan_fault(client, "refund", "fail", 2, 0).await;
    let asked = payment.refund(client, &office.admin, 4000).send().await;
    let refused = asked.expect_problem(503, "provider-unavailable");
    assert_eq!(refused.header("retry-after"), Some("1"));
    let more = payment.refund(client, &office.admin, 6001).send().await;
    more.expect_problem(422, "refund-exceeds-available");
    office.refund_becomes(&only_refund(&office).await, "succeeded").await;
    ends_once(&office, &payment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_found_in_the_banks_list() {
    let office = Office::new().await;
    let client = &office.world.client;
    let (_, payment) = office.silently_paid().await;
    // a call that would show that the list is looked at first
    plan_fault(client, "refund", "lose_answer", 1, 0).await;
    plan_fault(client, "refund", "fail", 100, 0).await;
    let key = new_key();
    let ask = || {
        let ask = payment.act(client, &office.admin, &key, "refunds");
        ask.json(json!({ "amount_minor": 4000 })).send()
    };
    ask().await.expect_problem(503, "provider-unavailable");
    let answer = ask().await.expect(202).body;
    assert_eq!(answer["status"], "succeeded");
    ends_once(&office, &payment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_is_written_down_and_used_only_when_the_list_shows_none() {
    let office = Office::new().await;
    let client = &office.world.client;
    let (_, payment) = office.silently_paid().await;
    plan_fault(client, "refund", "fail", 1, 0).await;
    plan_fault(client, "retrieve", "fail", 1000, 0).await;
    payment
        .refund(client, &office.admin, 4000)
        .send()
        .await
        .expect_problem(503, "provider-unavailable");
    let refund = only_refund(&office).await;
    // it cannot be looked for: then it is not asked for either
    office.world.books.execute(LONG_AGO).await;
    let tried = "payment.refunds WHERE attempts >= 3";
    eventually(PATIENCE, || async {
        // due at once, and to be looked for before it is asked for, whoever takes it up
        office.world.books.execute(LONG_AGO).await;
        office.world.books.count(tried).await == 1
    })
    .await;
    assert_eq!(payment.bank_refunds(client).await.len(), 0);
    assert_eq!(office.world.books.count("payment.refunds WHERE key_number = 1").await, 1);
    office.world.books.execute("UPDATE sandbox.faults SET times_left = 0").await;
    office.world.books.execute(LONG_AGO).await;
    office.refund_becomes(&refund, "succeeded").await;
    let key = format!(
        "sandbox.refunds WHERE idempotency_key = 're_{}_2'",
        refund["id"].as_str().unwrap()
    );
    assert_eq!(office.world.books.count(&key).await, 1);
    ends_once(&office, &payment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zombie_that_goes_on_changes_nothing() {
    let office = Office::new().await;
    let heir = office.world.replica().await;
    let (client, dying) = (heir.client(), office.world.client.clone());
    let (_, payment) = office.silently_paid().await;
    plan_fault(&client, "refund", "delay", 1, 6000).await;
    let key = new_key();
    let ask = |client| {
        let ask = payment.act(client, &office.admin, &key, "refunds");
        ask.json(json!({ "amount_minor": 4000 }))
    };
    let first = tokio::spawn(ask(&dying).send());
    eventually(PATIENCE, || async { payment.bank_refunds(&client).await.len() == 1 }).await;
    office.world.server.stop();
    office.world.books.execute(EXPIRE).await;
    office.world.books.execute(KEEP).await;
    let answer = ask(&client).send().await.expect(202).body;
    office.world.server.cont();
    // fenced off; or, frozen so long that its call to the bank ran out of time, no answer at all
    let zombie = first.await.unwrap();
    assert!(matches!(zombie.status, 409 | 503), "{zombie:?}");
    let replay = ask(&dying).send().await.expect(202);
    assert_eq!((replay.header("idempotent-replayed"), &replay.body), (Some("true"), &answer));
    ends_once(&office, &payment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zombie_does_not_take_a_key_that_was_freed_and_is_used_anew_for_its_own() {
    let office = Office::new().await;
    let heir = office.world.replica().await;
    let (client, dying) = (heir.client(), office.world.client.clone());
    let (_, payment) = office.silently_paid().await;
    plan_fault(&client, "refund", "delay", 1, 6000).await;
    let key = new_key();
    let ask = |client| {
        let ask = payment.act(client, &office.admin, &key, "refunds");
        ask.json(json!({ "amount_minor": 4000 }))
    };
    let first = tokio::spawn(ask(&dying).send());
    eventually(PATIENCE, || async { payment.bank_refunds(&client).await.len() == 1 }).await;
    let before = only_refund(&office).await;
    office.world.server.stop();
    office.world.books.execute(FREE).await;
    plan_fault(&client, "refund", "delay", 1, 6000).await;
    let second = tokio::spawn(ask(&client).send());
    eventually(PATIENCE, || async { payment.bank_refunds(&client).await.len() == 2 }).await;
    office.world.server.cont();

    let zombie = first.await.unwrap();
    assert!(matches!(zombie.status, 409 | 503), "{zombie:?}");
    let answer = second.await.unwrap().expect(202).body;
    assert_ne!(answer["id"], before["id"]);
    office.world.ends_with(10_000, 8000, 0).await;
}
