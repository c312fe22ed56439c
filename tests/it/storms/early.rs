//! Webhooks that come before we know what they are about.

use serde_json::json;

use super::World;
use crate::support::{
    donation::{Event, PATIENCE, Payment, Pledge, new_key, plan_fault},
    wait::eventually,
};

/// The payment that a request under way has made at the bank, as soon as it is there.
async fn at_the_bank(world: &World, pledge: &Pledge) -> Payment {
    let find = "SELECT b.id, b.payment_id::text FROM sandbox.payments b
                JOIN payment.payments p ON p.id = b.payment_id WHERE p.pledge_id::text = $1";
    let row = eventually(PATIENCE, async || {
        world.books.sql.query_opt(find, &[&pledge.id]).await.unwrap()
    })
    .await;
    Payment {
        id: row.get(1),
        provider_payment_id: row.get(0),
        amount_minor: 10_000,
        currency: "USD".into(),
        token: pledge.token.clone(),
    }
}

/// Lets the bank hold back its answer to a creation, sends `event`, and returns it with the payment
/// of the answer.
async fn before_the_answer(world: &World, event: impl Fn(&Payment) -> Event) -> (Event, Payment) {
    let pledge = world.campaign.pledge(&world.client, 10_000).await;
    plan_fault(&world.client, "create", "delay", 1, 2500).await;
    let create = pledge.pay_with(&world.client, &new_key(), json!({})).send();
    let told = async {
        let event = event(&at_the_bank(world, &pledge).await);
        event.accepted(&world.client).await;
        world.books.judged(&event).await;
        event
    };
    let (answer, event) = futures_util::join!(create, told);
    let payment = pledge.made(answer);
    pledge.becomes(&world.client, "completed").await;
    (event, payment)
}

#[tokio::test]
async fn captured_before_the_answer_to_its_creation_is_captured() {
    let world = World::new().await;
    let captured = |payment: &Payment| payment.event("payment.captured");

    let (event, payment) = before_the_answer(&world, captured).await;

    world.books.becomes(&event, "applied").await;
    let now = payment.read(&world.client).await;
    assert_eq!(now["provider_payment_id"], payment.provider_payment_id.as_str());
    assert_eq!(now["status"], "captured");
    world.ends_with(10_000, 0, 0).await;
}

#[tokio::test]
async fn captured_under_a_name_not_known_yet_waits_for_the_name() {
    let world = World::new().await;
    let nameless =
        |payment: &Payment| payment.event("payment.captured").data(json!({ "metadata": null }));

    let (event, _) = before_the_answer(&world, nameless).await;

    world.books.becomes(&event, "applied").await;
    world.ends_with(10_000, 0, 0).await;
}

#[tokio::test]
async fn a_webhook_for_a_payment_of_nobody_is_deferred() {
    let world = World::new().await;
    let payment = world.payment().await;
    let nobody = payment.event("payment.captured").data(json!({
        "payment_id": "sbx_of_nobody",
        "metadata": { "payment_id": "01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f" },
    }));

    world.send(&[&nobody]).await;

    world.books.comes_to(&nobody, "deferred", Some("payment_unknown")).await;
    world.ends_with(0, 0, 0).await;
}

/// Makes the worker wait, each time it is about to put a webhook off, for whoever holds this lock.
const GATE: &str = "
    CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(42);
        RETURN NEW;
    END $$;
    CREATE TRIGGER gate BEFORE UPDATE ON payment.webhook_inbox FOR EACH ROW
        WHEN (NEW.status = 'deferred' AND NEW.attempts > OLD.attempts) EXECUTE FUNCTION gate()";

const WAITING: &str = "
    pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

const BLOCKED: &str =
    "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// As if the event had been deferred for hours: its next wait is an hour.
async fn grow_old(world: &World, event: &Event) {
    world.books.becomes(event, "deferred").await;
    let old = format!(
        "UPDATE payment.webhook_inbox SET attempts = 9, next_attempt_at = now()
         WHERE event_id = '{}'",
        event.0["id"].as_str().unwrap()
    );
    assert_eq!(world.books.execute(&old).await, 1);
}

/// Lets the worker get as far as the gate with an event that has waited long, then `meanwhile`
/// happens at another replica, and the gate opens.
async fn at_the_gate(world: &World, event: &Event, meanwhile: &Event) {
    let other = world.replica().await;
    world.books.sql.batch_execute(GATE).await.unwrap();
    world.books.sql.batch_execute("SELECT pg_advisory_lock(42)").await.unwrap();
    grow_old(world, event).await;
    eventually(PATIENCE, async || world.books.count(WAITING).await > 0).await;
    meanwhile.accepted(&other.client()).await;
    // it may have to wait behind the gate, too
    eventually(PATIENCE, async || {
        world.books.letter(meanwhile).await.is_some_and(|letter| letter.status != "pending")
            || world.books.count(BLOCKED).await > 1
    })
    .await;
    assert_eq!(world.books.count(WAITING).await, 1, "the worker let go");
    world.books.sql.batch_execute("SELECT pg_advisory_unlock(42)").await.unwrap();
    world.books.becomes(event, "applied").await;
}

#[tokio::test]
async fn a_payment_that_is_named_while_its_webhook_is_put_off_wakes_it() {
    let world = World::new().await;
    let payment = world.payment().await;
    // as if the bank's answer had been lost
    let forget = "UPDATE payment.payments SET provider_payment_id = NULL";
    assert_eq!(world.books.execute(forget).await, 1);
    let nameless = payment.event("payment.captured").data(json!({ "metadata": null }));
    world.send(&[&nameless]).await;

    at_the_gate(&world, &nameless, &payment.event("payment.processing")).await;

    world.ends_with(10_000, 0, 0).await;
}

#[tokio::test]
async fn a_payment_that_is_captured_while_its_refund_is_put_off_wakes_it() {
    let world = World::new().await;
    let payment = world.payment().await;
    let refund = super::part(&payment, "refund.succeeded", "re_1", 4000);
    world.send(&[&refund]).await;

    // the bank gives no answer, so the refund is put off without one
    plan_fault(&world.client, "retrieve", "fail", 1000, 0).await;
    at_the_gate(&world, &refund, &payment.event("payment.captured")).await;

    world.ends_with(10_000, 4000, 0).await;
}

#[tokio::test]
async fn a_question_that_the_provider_is_slow_to_answer_holds_up_no_other_payment() {
    let world = World::new().await;
    let (one, other) = (world.payment().await, world.payment().await);
    let refund = super::part(&one, "refund.succeeded", "re_1", 4000);
    let captured = other.event("payment.captured");
    plan_fault(&world.client, "retrieve", "delay", 1, 60_000).await;

    refund.accepted(&world.client).await;
    eventually(PATIENCE, async || asked(&world, &refund).await).await;
    captured.accepted(&world.client).await;
    world.books.becomes(&captured, "applied").await;

    assert!(asked(&world, &refund).await, "{:?}", world.books.letter(&refund).await);
    world.send(&[&one.event("payment.captured")]).await;
    world.books.becomes(&refund, "applied").await;
    world.ends_with(20_000, 4000, 0).await;
}

async fn asked(world: &World, event: &Event) -> bool {
    let letter = world.books.letter(event).await;
    letter.is_some_and(|letter| letter.reason.as_deref() == Some("asking_provider"))
}
