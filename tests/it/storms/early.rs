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

const WAITING: &str = "pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted";

/// Waits at the gate until a worker has got there.
async fn somebody_waits(world: &World) {
    eventually(PATIENCE, async || world.books.count(WAITING).await > 0).await;
}

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

#[tokio::test]
async fn a_payment_that_is_named_while_its_webhook_is_put_off_wakes_it() {
    let world = World::new().await;
    let pledge = world.campaign.pledge(&world.client, 10_000).await;
    plan_fault(&world.client, "create", "delay", 1, 7000).await;
    let create = pledge.pay_with(&world.client, &new_key(), json!({})).send();
    let put_off = async {
        let payment = at_the_bank(&world, &pledge).await;
        let event = payment.event("payment.captured").data(json!({ "metadata": null }));
        world.send(&[&event]).await;
        world.books.sql.batch_execute(GATE).await.unwrap();
        world.books.sql.batch_execute("SELECT pg_advisory_lock(42)").await.unwrap();
        grow_old(&world, &event).await;
        somebody_waits(&world).await;
        event
    };
    let (answer, event) = futures_util::join!(create, put_off);
    pledge.made(answer);
    assert_eq!(world.books.count(WAITING).await, 1, "the worker let go too early");
    world.books.sql.batch_execute("SELECT pg_advisory_unlock(42)").await.unwrap();

    world.books.becomes(&event, "applied").await;
    world.ends_with(10_000, 0, 0).await;
}

#[tokio::test]
async fn a_payment_that_is_captured_while_its_refund_is_put_off_wakes_it() {
    let world = World::new().await;
    let payment = world.payment().await;
    let refund = super::part(&payment, "refund.succeeded", "re_1", 4000);
    world.send(&[&refund]).await;

    // the bank gives no answer, so the refund is put off without a look at its payment
    plan_fault(&world.client, "retrieve", "fail", 1000, 0).await;
    world.books.sql.batch_execute(GATE).await.unwrap();
    world.books.sql.batch_execute("SELECT pg_advisory_lock(42)").await.unwrap();
    grow_old(&world, &refund).await;
    somebody_waits(&world).await;
    // the first replica's worker is busy; another one applies the capture
    let other = world.replica().await;
    let captured = payment.event("payment.captured");
    captured.accepted(&other.client()).await;
    world.books.becomes(&captured, "applied").await;
    world.books.sql.batch_execute("SELECT pg_advisory_unlock(42)").await.unwrap();

    world.books.becomes(&refund, "applied").await;
    world.ends_with(10_000, 4000, 0).await;
}
