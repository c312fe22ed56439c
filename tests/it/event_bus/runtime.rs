//! The loops: what they cost when idle, how they are woken, how they stop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use careforall::platform::event_bus::{BusConfig, BusRuntime, Consumer, EventBus, Peers};
use tokio_util::sync::CancellationToken;

use super::{
    cluster::{TestDb, connect, execute, number, until},
    recorder::{Recorder, publish_fresh},
};

fn consumers(names: &[&'static str]) -> Vec<Arc<dyn Consumer>> {
    names.iter().map(|name| Arc::new(Recorder::named(name)) as Arc<dyn Consumer>).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_bus_asks_about_four_questions_a_second() {
    let db = TestDb::new().await;
    let six = consumers(&["one", "two", "three", "four", "five", "six"]);
    let bus = BusRuntime::new(db.database.clone(), EventBus::new(), six, BusConfig::default());
    let token = CancellationToken::new();
    let running = tokio::spawn(bus.run(token.clone()));

    // asked from another database, so as not to be counted
    let name = db.url.split(['/', '?']).nth(3).unwrap();
    let transactions = format!(
        "SELECT xact_commit + xact_rollback AS n FROM pg_stat_database WHERE datname = '{name}'"
    );
    let mut watcher = connect("postgres").await;
    // start-up is over when the counters, which come in lumps of a second, have slowed down
    let mut last = (number(&mut watcher, &transactions).await, Instant::now());
    until("start-up is over", async || {
        let count = number(&mut watcher, &transactions).await;
        if count == last.0 {
            return false;
        }
        let slow = count - last.0 < 8 && last.1.elapsed() > Duration::from_millis(800);
        last = (count, Instant::now());
        slow
    })
    .await;
    let (from, started) = last;
    let mut count = 0;
    until("a dozen questions", async || {
        count = number(&mut watcher, &transactions).await - from;
        count >= 12
    })
    .await;
    let rate = f64::from(i32::try_from(count).unwrap()) / started.elapsed().as_secs_f64();
    println!("an idle bus of six consumers: {rate:.1} transactions/s");
    assert!(rate < 6.0, "{rate} transactions/s");
    token.cancel();
    running.await.unwrap().unwrap();
}

/// Counts what is told to other replicas.
struct Counts(Arc<AtomicU32>);

impl Peers for Counts {
    fn tell(&self, _: u64) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wake_reaches_consumers_and_other_replicas() {
    let db = TestDb::new().await;
    let told = Arc::new(AtomicU32::new(0));
    let bus = EventBus::with_peers(Counts(told.clone()));
    // only a wake can do it: the idle tick never comes
    let config = BusConfig { idle_tick: Duration::from_hours(1), ..BusConfig::default() };
    let runtime = BusRuntime::new(db.database.clone(), bus.clone(), consumers(&["a", "b"]), config);
    let token = CancellationToken::new();
    let running = tokio::spawn(runtime.run(token.clone()));
    for round in 1..=3 {
        publish_fresh(&mut *db.conn().await, 10).await;
        bus.wake();
        until("both have seen them", async || {
            db.number("SELECT count(*) AS n FROM effect").await == round * 20
        })
        .await;
    }
    assert!(told.load(Ordering::Relaxed) > 0, "other replicas are told");
    token.cancel();
    running.await.unwrap().unwrap();
}

/// Never looks by itself, but once at its start, when it sweeps; leaves what is to be done to others
/// for so long.
fn only_when_woken(deference: Duration) -> BusConfig {
    let never = Duration::from_hours(1);
    BusConfig {
        idle_tick: never,
        longest_idle_tick: never,
        sweep_every: never,
        deference,
        ..BusConfig::default()
    }
}

/// A bus that has heard `heard` after its start is woken, and does the work.
async fn works_after_hearing(heard: u64, config: BusConfig) {
    let db = TestDb::new().await;
    let bus = EventBus::new();
    let runtime = BusRuntime::new(db.database.clone(), bus.clone(), consumers(&["a"]), config);
    let token = CancellationToken::new();
    let running = tokio::spawn(runtime.run(token.clone()));
    let applied = async || db.number("SELECT count(*) AS n FROM effect").await;
    publish_fresh(&mut *db.conn().await, 10).await;
    bus.wake();
    until("it is at work", async || applied().await == 10).await;
    bus.heard(heard);
    publish_fresh(&mut *db.conn().await, 10).await;
    bus.wake();
    until("all are applied", async || applied().await == 20).await;
    token.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_goes_on_though_one_that_comes_after_it_is_at_work() {
    works_after_hearing(u64::MAX, only_when_woken(Duration::from_hours(1))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_takes_over_from_one_that_is_heard_no_more() {
    works_after_hearing(0, only_when_woken(Duration::from_millis(100))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_applies_what_its_sweep_has_moved_though_it_leaves_the_rest_to_another() {
    let sweep_every = Duration::from_millis(200);
    let config = BusConfig { sweep_every, ..only_when_woken(Duration::from_hours(1)) };
    works_after_hearing(0, config).await;
}

/// While these rows are held, the bus calls `function` in vain; once they are free, it does the work
/// without being told again.
async fn works_after_waiting_for(rows: &str, function: &str) {
    let db = TestDb::new().await;
    let bus = EventBus::new();
    let config = only_when_woken(Duration::ZERO);
    let runtime = BusRuntime::new(db.database.clone(), bus.clone(), consumers(&["a"]), config);
    runtime.prepare().await.unwrap();
    let mut holder = db.holding(rows).await;
    publish_fresh(&mut *db.conn().await, 10).await;
    let token = CancellationToken::new();
    let running = tokio::spawn(runtime.run(token.clone()));
    until("it has tried", async || db.calls(function).await > 0).await;
    assert_eq!(db.number("SELECT count(*) AS n FROM effect").await, 0);
    execute(&mut holder, "COMMIT").await;
    until("all are applied", async || db.number("SELECT count(*) AS n FROM effect").await == 10)
        .await;
    token.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_that_finds_another_sequencing_looks_again() {
    works_after_waiting_for("SELECT FROM bus.event_head", "sequence").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_whose_cursors_another_holds_looks_again() {
    works_after_waiting_for("SELECT FROM bus.consumer_cursor", "claim_among").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_leaves_the_work_to_one_that_goes_before_it() {
    const ROUNDS: u32 = 20;
    let db = TestDb::new().await;
    let (moved, asked) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let elder = EventBus::with_peers(Counts(moved.clone()));
    let younger = EventBus::with_peers(Counts(asked.clone()));
    younger.heard(0);
    let token = CancellationToken::new();
    let running = [&elder, &younger].map(|bus| {
        let config = only_when_woken(Duration::from_hours(1));
        let runtime = BusRuntime::new(db.database.clone(), bus.clone(), consumers(&["a"]), config);
        tokio::spawn(runtime.run(token.clone()))
    });
    for round in 1..=ROUNDS {
        publish_fresh(&mut *db.conn().await, 10).await;
        younger.wake();
        elder.wake();
        until("all are applied", async || {
            db.number("SELECT count(*) AS n FROM effect").await == i64::from(round * 10)
        })
        .await;
    }
    // but for what the two sweeps found, which is of one round each at most
    let moved = moved.load(Ordering::Relaxed);
    assert!(moved + 2 >= ROUNDS, "the elder moved those of {moved} rounds of {ROUNDS}");
    assert!(asked.load(Ordering::Relaxed) > 0, "the younger said that there was work");
    token.cancel();
    for bus in running {
        bus.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_below_the_floor_is_found_by_the_sweep() {
    let db = TestDb::new().await;
    publish_fresh(&mut *db.conn().await, 3).await;
    // no pass of the sequencer does this
    db.run("UPDATE bus.event_head SET pass = pass + 1, floor = 2, candidate_id = 2").await;
    let bus = BusRuntime::new(
        db.database.clone(),
        EventBus::new(),
        consumers(&["one"]),
        BusConfig::default(),
    );
    bus.prepare().await.unwrap();
    assert_eq!(bus.drain().await.unwrap().applied, 1);
    let token = CancellationToken::new();
    let running = tokio::spawn(bus.run(token.clone()));
    until("the others are found", async || {
        db.number("SELECT count(*) AS n FROM effect").await == 3
    })
    .await;
    token.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_consumers_of_one_name_are_refused() {
    let db = TestDb::new().await;
    let bus = BusRuntime::new(
        db.database.clone(),
        EventBus::new(),
        consumers(&["same", "same"]),
        BusConfig::default(),
    );
    let error = bus.run(CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("one name"), "{error}");
}
