//! `kill -9` of what happens behind the scenes.

use std::time::Duration;

use serde_json::json;
use tokio_postgres::Client as Sql;

use super::{World, part};
use crate::support::{
    Client, Server,
    donation::{Event, PATIENCE, Payment, builder},
    wait::eventually,
};

/// Locks the payment's row as long as the connection's transaction lasts: whoever is to apply a
/// webhook to it has to wait.
async fn hold(world: &World, payment: &Payment) -> Sql {
    let holder = world.server.database().client().await;
    let lock = "SELECT FROM payment.payments WHERE id::text = $1 FOR UPDATE";
    holder.batch_execute("BEGIN").await.unwrap();
    assert_eq!(holder.query(lock, &[&payment.id]).await.unwrap().len(), 1);
    holder
}

/// Waits until somebody waits for a lock.
async fn somebody_waits(world: &World) {
    let waiting =
        "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually(PATIENCE, async || world.books.count(waiting).await > 0).await;
}

#[tokio::test]
async fn killed_between_the_acknowledgement_and_the_application_applies_once() {
    let mut world = World::new().await;
    let payment = world.payment().await;
    let event = payment.event("payment.captured");
    let holder = hold(&world, &payment).await;

    event.accepted(&world.client).await;
    somebody_waits(&world).await;
    world.server.kill9();
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(world.books.letter(&event).await.unwrap().status, "pending");
    world.server.start_again().await;
    world.client = world.server.client();

    payment.becomes(&world.client, "captured").await;
    assert_eq!(event.send(&world.client).await.expect(200).text("status"), "duplicate");
    world.ends_with(10_000, 0, 0).await;
    assert_eq!(world.books.count("payment.ledger").await, 1);
}

#[tokio::test]
async fn what_a_dead_replica_acknowledged_is_applied_by_the_other() {
    let world = World::new().await;
    let mut dying = world.replica().await;
    let payment = world.payment().await;
    let event = payment.event("payment.captured");
    let holder = hold(&world, &payment).await;

    event.accepted(&dying.client()).await;
    somebody_waits(&world).await;
    dying.kill9();
    holder.batch_execute("ROLLBACK").await.unwrap();

    payment.becomes(&world.client, "captured").await;
    world.ends_with(10_000, 0, 0).await;
}

#[tokio::test]
async fn killed_while_the_provider_is_asked_asks_again() {
    let mut world = World::new().await;
    let pledge = world.campaign.pledge(&world.client, 10_000).await;
    let payment = pledge.pay(&world.client, "pm_silent").await;
    let refund = part(&payment, "refund.succeeded", "re_1", 4000);
    let asking = "payment.webhook_inbox WHERE reason = 'asking_provider'";
    crate::support::donation::plan_fault(&world.client, "retrieve", "delay", 1, 60_000).await;

    refund.accepted(&world.client).await;
    eventually(PATIENCE, async || world.books.count(asking).await == 1).await;
    world.server.kill9();
    // half a minute later
    world.books.execute("UPDATE payment.webhook_inbox SET next_attempt_at = now()").await;
    world.server.start_again().await;
    world.client = world.server.client();

    world.books.becomes(&refund, "applied").await;
    world.ends_with(10_000, 4000, 0).await;
}

/// Delivers as a provider does: again, to whoever is there, until it is acknowledged.
async fn deliver(event: &Event, at: &std::cell::RefCell<Client>) {
    eventually(Duration::from_mins(2), async || {
        let client = at.borrow().clone();
        let answer = event.request(&client).try_send().await;
        answer.is_ok_and(|answer| answer.status == 200)
    })
    .await;
}

/// What happens to a payment in one of these stories.
fn story(payment: &Payment) -> [Event; 4] {
    [
        payment.event("payment.authorized"),
        payment.event("payment.captured"),
        part(payment, "refund.succeeded", "re_1", 2500),
        part(payment, "dispute.opened", "dp_1", 1000),
    ]
}

#[tokio::test]
async fn killed_ten_times_in_a_row_the_totals_are_what_was_acknowledged() {
    const PAYMENTS: i64 = 40;
    let mut world = World::new().await;
    let mut events = Vec::new();
    for _ in 0..PAYMENTS {
        events.push(story(&world.payment().await));
    }
    let at = std::cell::RefCell::new(world.client.clone());
    let server = &mut world.server;

    let flow = async {
        for step in 0..4 {
            for some in events.chunks(5) {
                let sent = some.iter().map(|story| deliver(&story[step], &at));
                futures_util::future::join_all(sent).await;
            }
        }
    };
    let kill = async {
        for _ in 0..10 {
            let events = "SELECT count(*) FROM payment.history";
            let before: i64 = world.books.sql.query_one(events, &[]).await.unwrap().get(0);
            // once there is something under way again, or nothing left to come
            eventually(PATIENCE, async || {
                let now: i64 = world.books.sql.query_one(events, &[]).await.unwrap().get(0);
                now > before || now >= PAYMENTS * 4
            })
            .await;
            server.kill9();
            server.start_again().await;
            *at.borrow_mut() = server.client();
        }
    };
    futures_util::join!(flow, kill);

    world.client = world.server.client();
    let due = "UPDATE payment.webhook_inbox SET next_attempt_at = now() WHERE status = 'deferred'";
    world.books.execute(due).await;
    let sums = json!({ "captured_minor": PAYMENTS * 10_000, "refunded_minor": PAYMENTS * 2500,
                       "disputed_minor": PAYMENTS * 1000 });
    world.campaign.totals_become(&world.client, sums).await;
    world.ends_with(PAYMENTS * 10_000, PAYMENTS * 2500, PAYMENTS * 1000).await;
}

/// A replica whose transactions are given up by Postgres after a second of silence.
async fn impatient(url: &str) -> Server {
    let join = if url.contains('?') { '&' } else { '?' };
    let option = "options=-c%20idle_in_transaction_session_timeout%3D1s";
    builder().database_url(format!("{url}{join}{option}")).start().await
}

#[tokio::test]
async fn a_replica_that_hangs_holding_a_cursor_is_taken_over_from() {
    let world = World::new().await;
    let hanging = impatient(&world.server.database().url()).await;
    let sql = &world.books.sql;
    // whoever sums up gets stuck with its cursor in hand
    let locker = world.server.database().client().await;
    locker.batch_execute("BEGIN; SELECT FROM totals.campaign_totals FOR UPDATE").await.unwrap();
    // the first replica looks away until the other one holds the cursor
    world.server.stop();
    let client = hanging.client();
    let payment = world.campaign.pledge(&client, 10_000).await.begin_payment(&client).await;
    payment.event("payment.captured").accepted(&client).await;
    let stuck = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                 AND wait_event_type = 'Lock' AND query LIKE '%campaign_totals%'";
    eventually(PATIENCE, async || sql.query_one(stuck, &[]).await.unwrap().get::<_, i64>(0) > 0)
        .await;
    hanging.stop();
    world.server.cont();
    locker.batch_execute("ROLLBACK").await.unwrap();

    world.campaign.totals_become(&world.client, json!({ "captured_minor": 10_000 })).await;
    hanging.cont();
    world.ends_with(10_000, 0, 0).await;
}

#[tokio::test]
async fn a_replica_that_hangs_with_webhooks_in_hand_is_taken_over_from() {
    let world = World::new().await;
    let hanging = impatient(&world.server.database().url()).await;
    let payment = world.payment().await;
    let holder = hold(&world, &payment).await;
    // the first replica looks away until the other one has the webhook in hand
    world.server.stop();
    payment.event("payment.captured").accepted(&hanging.client()).await;
    somebody_waits(&world).await;
    hanging.stop();
    world.server.cont();
    holder.batch_execute("ROLLBACK").await.unwrap();

    payment.becomes(&world.client, "captured").await;
    hanging.cont();
    world.ends_with(10_000, 0, 0).await;
    assert_eq!(world.books.count("payment.ledger").await, 1);
}
