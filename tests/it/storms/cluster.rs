//! Trouble that others make: long transactions next door, events that nobody can apply.

use serde_json::json;

use super::World;
use crate::support::{TestDatabase, donation::PATIENCE, wait::eventually};

#[tokio::test]
async fn a_long_write_transaction_in_another_database_holds_up_no_total() {
    let world = World::new().await;
    // of the same cluster
    let neighbour = TestDatabase::empty().await;
    let writer = neighbour.client().await;
    let open = "BEGIN; CREATE TABLE ledger (n int); INSERT INTO ledger VALUES (1)";
    writer.batch_execute(open).await.unwrap();
    let running = writer.query_one("SELECT pg_current_xact_id_if_assigned()::text", &[]).await;
    assert!(running.unwrap().get::<_, Option<&str>>(0).is_some());

    let payment = world.payment().await;
    payment.event("payment.captured").accepted(&world.client).await;
    world.campaign.totals_become(&world.client, json!({ "captured_minor": 10_000 })).await;
    world.ends_with(10_000, 0, 0).await;
    writer.batch_execute("ROLLBACK").await.unwrap();
}

#[tokio::test]
async fn an_event_that_nobody_can_apply_becomes_a_dead_letter_and_others_go_on() {
    let world = World::new().await;
    let poisoned = world.payment().await;
    // same partition as the campaign's other payments: only its own aggregate may wait
    let poison = "
        INSERT INTO bus.outbox (event_id, partition, aggregate_id, aggregate_version, type, payload)
        SELECT gen_random_uuid(), e.partition, e.aggregate_id, e.aggregate_version + 1, e.type,
               '{\"captured_minor\": \"a lot\"}'
        FROM bus.event_log e WHERE e.aggregate_id::text = $1 ORDER BY e.seq DESC LIMIT 1";
    let logged = format!("bus.event_log WHERE aggregate_id = '{}'", poisoned.id);
    eventually(PATIENCE, async || world.books.count(&logged).await > 0).await;
    assert_eq!(world.books.sql.execute(poison, &[&poisoned.id]).await.unwrap(), 1);
    let waiting = format!("bus.parked_event WHERE aggregate_id = '{}'", poisoned.id);
    eventually(PATIENCE, async || world.books.count(&waiting).await >= 2).await;
    // behind the poison
    poisoned.event("payment.captured").accepted(&world.client).await;
    poisoned.becomes(&world.client, "captured").await;
    // beside it
    let other = world.campaign.pledge(&world.client, 7000).await;
    let payment = other.begin_payment(&world.client).await;
    payment.event("payment.captured").accepted(&world.client).await;

    other.becomes(&world.client, "completed").await;
    world.campaign.totals_become(&world.client, json!({ "captured_minor": 7000 })).await;

    // the attempts take two minutes; hurry them
    let hurry = "UPDATE bus.parked_event SET next_attempt_at = now()
                 WHERE state = 'parked' AND next_attempt_at > now()";
    eventually(PATIENCE, async || {
        world.books.execute(hurry).await;
        world.books.count("bus.parked_event WHERE state = 'parked'").await == 0
    })
    .await;
    let dead = "bus.parked_event WHERE state = 'dead' AND consumer = 'totals'";
    assert_eq!(world.books.count(dead).await, 2, "the poison, and what came behind it");
    let totals = world.campaign.totals(&world.client).await;
    assert_eq!(totals["captured_minor"], 7000);
}
