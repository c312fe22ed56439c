//! Nothing is lost, nothing comes twice, order is kept.

use std::{sync::Arc, time::Duration};

use careforall::{
    kernel::clock,
    platform::event_bus::{BusConfig, BusRuntime, EventBus, publish},
};
use diesel::result::Error;
use diesel_async::AsyncConnection;
use rand::RngExt;
use uuid::Uuid;

use super::{
    cluster::{TestDb, connect, execute, until},
    recorder::{Recorder, change, event, publish_fresh},
    worker::Worker,
};

const WRITERS: usize = 16;
const TRANSACTIONS: usize = 60;

/// A bus with one recorder, to be driven by hand.
pub async fn by_hand(db: &TestDb) -> BusRuntime {
    configured(db, BusConfig::default()).await
}

async fn configured(db: &TestDb, config: BusConfig) -> BusRuntime {
    let consumers: Vec<Arc<dyn careforall::platform::event_bus::Consumer>> =
        vec![Arc::new(Recorder::named("recorder"))];
    let bus = BusRuntime::new(db.database.clone(), EventBus::new(), consumers, config);
    bus.prepare().await.unwrap();
    bus
}

/// That the log has no gaps, and that every event in it has had its effect exactly once, per
/// aggregate in the order of versions, which have no gaps either.
pub async fn assert_exactly_once(db: &TestDb, events: i64) {
    let logged = "SELECT count(*) AS n FROM bus.event_log";
    assert_eq!(db.number(logged).await, events, "in the log");
    assert_eq!(db.number("SELECT count(*) AS n FROM bus.outbox").await, 0, "left in the outbox");
    let last = "SELECT coalesce(max(seq), 0) AS n FROM bus.event_log";
    assert_eq!(db.number(last).await, events, "gapless");
    let effects = "SELECT count(*) AS n FROM effect";
    assert_eq!(db.number(effects).await, events, "effects");
    let distinct = "SELECT count(DISTINCT event_id) AS n FROM effect JOIN bus.event_log \
                    USING (seq, event_id)";
    assert_eq!(db.number(distinct).await, events, "distinct effects");
    for (table, order) in [("bus.event_log", "seq"), ("effect", "at")] {
        let version = if table == "effect" { "version" } else { "aggregate_version" };
        let disorder = format!(
            "SELECT count(*) AS n FROM (SELECT {version} AS v, row_number() OVER \
             (PARTITION BY aggregate_id ORDER BY {order}) AS expected FROM {table}) x \
             WHERE v <> expected"
        );
        assert_eq!(db.number(&disorder).await, 0, "out of order in {table}");
    }
}

/// Commits changes to shared aggregates after random delays, and rolls back one in five; returns how
/// many were committed.
async fn write(db: &TestDb, aggregates: &[Uuid]) -> i64 {
    let mut committed = 0;
    for _ in 0..TRANSACTIONS {
        let aggregate = aggregates[rand::rng().random_range(0..aggregates.len())];
        let delay = Duration::from_millis(rand::rng().random_range(0..12));
        let rolls_back = rand::rng().random_bool(0.2);
        let mut conn = db.conn().await;
        let result = conn
            .transaction(async |conn| {
                change(conn, aggregate).await?;
                tokio::time::sleep(delay).await;
                if rolls_back { Err(Error::RollbackTransaction) } else { Ok(()) }
            })
            .await;
        match result {
            Ok(()) => committed += 1,
            Err(Error::RollbackTransaction) => {}
            Err(error) => panic!("{error}"),
        }
    }
    committed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_writers_and_two_processes_lose_and_double_nothing() {
    let db = TestDb::new().await;
    let workers = [Worker::spawn(&db), Worker::spawn(&db)];
    let aggregates: Vec<_> = (0..40).map(|_| clock::new_id()).collect();
    let writers = (0..WRITERS).map(|_| write(&db, &aggregates));
    let committed = futures_util::future::join_all(writers).await.into_iter().sum::<i64>();
    until("every event has its effect", async || {
        db.number("SELECT count(*) AS n FROM effect").await >= committed
    })
    .await;
    for worker in workers {
        assert!(worker.stop().success(), "stops when asked");
    }
    assert_exactly_once(&db, committed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_commits_late_is_not_skipped() {
    let db = TestDb::new().await;
    let bus = by_hand(&db).await;
    let mut late = db.conn().await;
    execute(&mut late, "BEGIN").await;
    execute(&mut late, "SET LOCAL idle_in_transaction_session_timeout = 0").await;
    publish_fresh(&mut late, 1).await;
    // now the late transaction is the youngest of all, beyond every completed one
    for _ in 0..3 {
        bus.run_once().await.unwrap();
    }
    for _ in 0..5 {
        publish_fresh(&mut *db.conn().await, 3).await;
        bus.drain().await.unwrap();
    }
    assert_eq!(db.number("SELECT max(floor) AS n FROM bus.event_head").await, 0);
    execute(&mut late, "COMMIT").await;
    assert_eq!(bus.drain().await.unwrap().applied, 1);
    assert_exactly_once(&db, 16).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_write_transaction_in_another_database_stalls_nothing() {
    let db = TestDb::new().await;
    let bus = by_hand(&db).await;
    let mut other = connect("postgres").await;
    execute(&mut other, "BEGIN").await;
    execute(&mut other, "SELECT pg_current_xact_id()").await;
    for _ in 0..10 {
        publish_fresh(&mut *db.conn().await, 50).await;
        assert_eq!(bus.drain().await.unwrap().applied, 50);
    }
    execute(&mut other, "COMMIT").await;
    assert_exactly_once(&db, 500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cursors_pass_what_a_consumer_does_not_want_and_keep_what_it_does() {
    let db = TestDb::new().await;
    let bus = by_hand(&db).await;
    let mut events: Vec<_> = (0..2500).map(|_| event(clock::new_id(), 1)).collect();
    for event in events.iter_mut().skip(1) {
        event.event_type = "something.else.v1";
    }
    events[0].trace_context = Some("00-trace-span-01".into());
    events.rotate_left(1);
    publish(&mut *db.conn().await, &events).await.unwrap();
    let progress = bus.drain().await.unwrap();
    assert_eq!((progress.sequenced, progress.applied, progress.parked), (2500, 1, 0));
    let positions = "SELECT count(*) AS n FROM bus.consumer_cursor WHERE position = 2500";
    assert_eq!(db.number(positions).await, 32);
    let traced = "SELECT seq AS n FROM bus.event_log WHERE trace_context = '00-trace-span-01'";
    assert_eq!(db.number(traced).await, 2500, "in the order they were given");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_looks_far_for_as_many_events_as_it_may_apply() {
    let db = TestDb::new().await;
    let bus = configured(&db, BusConfig { window: 3, ..BusConfig::default() }).await;
    let mut events: Vec<_> = (0..140).map(|_| event(clock::new_id(), 1)).collect();
    // wanted are 1 to 10, of which a pass takes three, and 91 to 100, beyond what one looks at
    for event in events.iter_mut().enumerate().filter(|(n, _)| n % 90 >= 10).map(|(_, e)| e) {
        event.event_type = "something.else.v1";
    }
    publish(&mut *db.conn().await, &events).await.unwrap();
    let mut applied = Vec::new();
    loop {
        let pass = bus.run_once().await.unwrap();
        if pass.moved == 0 {
            break;
        }
        applied.push(pass.applied);
    }
    assert_eq!(applied, [3, 3, 3, 1, 3, 3, 3, 1], "48 places or three events a pass");
    let seqs = "SELECT count(*) AS n FROM effect e WHERE (seq - 1) % 90 < 10 \
                AND at = (SELECT count(*) FROM effect f WHERE f.seq <= e.seq)";
    assert_eq!(db.number(seqs).await, 20, "each once, in order");
}
