//! Processes die and hang in the middle of a batch.

use diesel_async::SimpleAsyncConnection;
use rustix::process::Signal;

use super::{
    cluster::{TestDb, until},
    delivery::{assert_exactly_once, by_hand},
    recorder::{publish_fresh, reached},
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
    let folder = tempfile::tempdir().unwrap();
    for round in 0..20 {
        // no round goes on before its end, however late that comes
        let never = folder.path().join(round.to_string());
        let worker = Worker::waiting(&db, &never);
        // half of a batch is written, the other half and the cursor are not
        until("a worker is mid-batch", async || reached(&never).exists()).await;
        worker.kill();
    }
    assert_eq!(db.number("SELECT count(*) AS n FROM effect").await, 0, "the killed leave nothing");
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
    let stopped = Worker::waiting_closely_watched(&db, &file);
    until("the worker is mid-batch", async || reached(&file).exists()).await;
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
