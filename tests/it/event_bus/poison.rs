//! Events that cannot be applied.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::anyhow;
use careforall::{
    kernel::{clock, period::Period},
    platform::{
        event_bus::{
            BusConfig, BusRuntime, Consumer, ConsumerError, Event, EventBus, NewEvent, Payload,
            dead_letters, publish, replay,
        },
        postgres::Connection,
    },
};
use diesel::sql_query;
use diesel_async::{AsyncConnection, RunQueryDsl};
use futures_util::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    cluster::{TestDb, until},
    recorder::{TYPE, event, record},
};

/// Fails at poisonous events, in the way they name, until it is mended.
#[derive(Default)]
struct Squeamish {
    mended: AtomicBool,
}

impl Consumer for Squeamish {
    fn name(&self) -> &'static str {
        "squeamish"
    }

    fn event_types(&self) -> &'static [&'static str] {
        &[TYPE]
    }

    fn handle<'a>(
        &'a self,
        conn: &'a mut Connection,
        batch: &'a [Event],
    ) -> BoxFuture<'a, Result<(), ConsumerError>> {
        async move {
            record(conn, self.name(), batch).await?;
            let poison = batch.iter().find_map(poison_of);
            match poison.as_deref().filter(|_| !AtomicBool::load(&self.mended, Ordering::Relaxed)) {
                None => Ok(()),
                Some("sql") => Ok(sql_query("SELECT 1 / 0").execute(conn).await.map(drop)?),
                Some("swallowed") => {
                    let _ = sql_query("SELECT 1 / 0").execute(conn).await;
                    Ok(())
                }
                Some("panic") => conn.transaction(async |_| panic!("in a nested one")).await,
                Some(other) => Err(anyhow!("cannot stomach {other}\0").into()),
            }
        }
        .boxed()
    }
}

fn poison_of(event: &Event) -> Option<String> {
    let payload: Value = event.payload.read().unwrap();
    payload["poison"].as_str().map(str::to_owned)
}

fn poisonous(aggregate: Uuid, version: i64, how: &str) -> NewEvent {
    NewEvent {
        payload: Payload::of(&json!({ "poison": how })).unwrap(),
        ..event(aggregate, version)
    }
}

async fn setup(db: &TestDb) -> (Arc<Squeamish>, BusRuntime) {
    let consumer = Arc::new(Squeamish::default());
    let config = BusConfig { parked_backoff: Duration::from_micros(100), ..BusConfig::default() };
    let bus = BusRuntime::new(db.database.clone(), EventBus::new(), vec![consumer.clone()], config);
    bus.prepare().await.unwrap();
    (consumer, bus)
}

async fn applied(db: &TestDb, aggregate: Uuid) -> Vec<i64> {
    let count = format!("SELECT count(*) AS n FROM effect WHERE aggregate_id = '{aggregate}'");
    let mut versions = Vec::new();
    for n in 0..db.number(&count).await {
        let nth = format!(
            "SELECT version AS n FROM effect WHERE aggregate_id = '{aggregate}' \
             ORDER BY at LIMIT 1 OFFSET {n}"
        );
        versions.push(db.number(&nth).await);
    }
    versions
}

async fn publish_all(db: &TestDb, events: &[NewEvent]) {
    publish(&mut *db.conn().await, events).await.unwrap();
}

async fn poison_is_parked_given_up_and_replayed(how: &str) {
    let db = TestDb::new().await;
    let (consumer, bus) = setup(&db).await;
    let [sick, healthy] = [clock::new_id(), clock::new_id()];
    publish_all(
        &db,
        &[
            event(sick, 1),
            event(healthy, 1),
            poisonous(sick, 2, how),
            event(healthy, 2),
            event(sick, 3),
        ],
    )
    .await;
    let progress = bus.run_once().await.unwrap();
    assert_eq!((progress.applied, progress.parked), (3, 2));
    assert_eq!(applied(&db, healthy).await, [1, 2], "others progress");
    assert_eq!(applied(&db, sick).await, [1]);

    let dead = "SELECT count(*) AS n FROM bus.parked_event WHERE state = 'dead'";
    until("the aggregate is given up", async || {
        bus.run_once().await.unwrap();
        db.number(dead).await == 2
    })
    .await;
    publish_all(&db, &[event(sick, 4), event(healthy, 3)]).await;
    bus.drain().await.unwrap();
    assert_eq!(applied(&db, healthy).await, [1, 2, 3]);
    let letters = dead_letters(&mut *db.conn().await, Period::default(), None, 10).await.unwrap();
    let mut attempts: Vec<_> =
        letters.iter().map(|l| (l.event.aggregate_version, l.attempts)).collect();
    attempts.sort_unstable();
    assert_eq!(attempts, [(2, 8), (3, 0), (4, 0)], "8 attempts; later ones join");

    // a replay without a remedy fails again, and keeps everything in its place
    let last = letters.iter().find(|l| l.event.aggregate_version == 4).unwrap().id;
    let replayed = replay(&mut *db.conn().await, last).await.unwrap().unwrap();
    assert_eq!((replayed.aggregate_id, replayed.letters), (sick, 3));
    assert_eq!(replay(&mut *db.conn().await, last).await.unwrap(), None, "once");
    bus.run_once().await.unwrap();
    assert_eq!(applied(&db, sick).await, [1]);

    consumer.mended.store(true, Ordering::Relaxed);
    until("the replay repairs", async || {
        bus.run_once().await.unwrap();
        applied(&db, sick).await == [1, 2, 3, 4]
    })
    .await;
    assert_eq!(db.number("SELECT count(*) AS n FROM bus.parked_event").await, 0);
    publish_all(&db, &[event(sick, 5)]).await;
    bus.drain().await.unwrap();
    assert_eq!(applied(&db, sick).await, [1, 2, 3, 4, 5], "back to normal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_event_is_parked_given_up_and_replayed_in_order() {
    poison_is_parked_given_up_and_replayed("a toad").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_is_one_that_breaks_a_statement() {
    poison_is_parked_given_up_and_replayed("sql").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_is_one_whose_broken_statement_is_swallowed() {
    poison_is_parked_given_up_and_replayed("swallowed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_is_one_that_panics_in_a_nested_transaction() {
    poison_is_parked_given_up_and_replayed("panic").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_poisonous_events_in_a_full_batch_leave_the_rest_alone() {
    let db = TestDb::new().await;
    let (_, bus) = setup(&db).await;
    let events: Vec<_> = (0..1000)
        .map(|n| {
            let aggregate = clock::new_id();
            if n % 100 == 7 { poisonous(aggregate, 1, "sql") } else { event(aggregate, 1) }
        })
        .collect();
    publish_all(&db, &events).await;
    let progress = bus.run_once().await.unwrap();
    assert_eq!((progress.applied, progress.parked), (990, 10));
    assert_eq!(db.number("SELECT count(DISTINCT event_id) AS n FROM effect").await, 990);
    assert_eq!(db.number("SELECT count(*) AS n FROM effect").await, 990);
}
