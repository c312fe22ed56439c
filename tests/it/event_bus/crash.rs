//! Processes die and hang in the middle of a batch.

use diesel_async::SimpleAsyncConnection;
use rustix::process::Signal;

use super::{
    cluster::{TestDb, connect, number, until},
    delivery::{assert_exactly_once, by_hand},
    recorder::publish_fresh,
    worker::Worker,
};

const EVENTS: i64 = 500;

async fn all_have_effect(db: &TestDb) {
    until("every event has its effect", async || {
        db.number("SELECT count(*) AS n FROM effect").await >= EVENTS
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_mid_batch_leave_each_effect_exactly_once() {
    let db = TestDb::new().await;
    by_hand(&db).await;
    publish_fresh(&mut *db.conn().await, usize::try_from(EVENTS).unwrap()).await;
    let mut watcher = connect("postgres").await;
    for round in 0..20 {
        let name = format!("round {round} of this test");
        let worker = Worker::sleeping(&db, &name);
        // half of a batch is written, the other half and the cursor are not
        let asleep = format!(
            "SELECT count(*) AS n FROM pg_stat_activity \
             WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%{name}%'"
        );
        until("a worker is mid-batch", async || number(&mut watcher, &asleep).await > 0).await;
        worker.kill();
    }
    let survivor = Worker::spawn(&db);
    all_have_effect(&db).await;
    assert!(survivor.stop().success());
    assert_exactly_once(&db, EVENTS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_process_loses_its_cursors_to_another() {
    let db = TestDb::new().await;
    by_hand(&db).await;
    publish_fresh(&mut *db.conn().await, usize::try_from(EVENTS).unwrap()).await;
    let go = tempfile::tempdir().unwrap();
    let file = go.path().join("go");
    let stopped = Worker::waiting(&db, &file);
    let idle = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() \
                AND state = 'idle in transaction' AND query LIKE 'INSERT INTO effect%'";
    until("the worker is mid-batch", async || db.number(idle).await > 0).await;
    stopped.signal(Signal::STOP);
    let other = Worker::spawn(&db);
    all_have_effect(&db).await;
    // the zombie comes back with half a batch in hand, and is refused
    std::fs::write(&file, "").unwrap();
    stopped.signal(Signal::CONT);
    assert!(stopped.stop().success());
    assert!(other.stop().success());
    assert_exactly_once(&db, EVENTS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sequencer_refuses_to_run_inside_a_transaction() {
    let db = TestDb::new().await;
    let mut conn = db.conn().await;
    let inside = "BEGIN; SELECT pg_current_xact_id(); SELECT bus.sequence(1000, false)";
    let error = conn.batch_execute(inside).await.unwrap_err();
    assert!(error.to_string().contains("transaction of its own"), "{error}");
}
