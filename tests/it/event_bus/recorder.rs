//! A consumer that writes down what it got, and producers for it.

use std::{
    fs, future,
    path::{Path, PathBuf},
    time::Duration,
};

use careforall::{
    kernel::clock,
    platform::{
        event_bus::{Consumer, ConsumerError, Event, NewEvent, Payload, publish},
        postgres::Connection,
    },
};
use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{Array, BigInt, Integer, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use futures_util::{FutureExt, future::BoxFuture};
use serde_json::json;
use uuid::Uuid;

pub const TYPE: &str = "thing.changed.v1";

/// What the recorder does between two of its effects.
#[derive(Debug, Clone, Default)]
pub enum Pause {
    #[default]
    None,
    /// Tells that it has come so far (see [`reached`]), and leaves its transaction idle until the
    /// file exists.
    UntilExists(PathBuf),
}

/// The file by which it tells, whatever has become of its session since.
pub fn reached(file: &Path) -> PathBuf {
    file.with_extension("reached")
}

#[derive(Debug, Clone)]
pub struct Recorder {
    pub name: &'static str,
    pub pause: Pause,
}

impl Recorder {
    pub fn named(name: &'static str) -> Self {
        Self { name, pause: Pause::None }
    }
}

impl Consumer for Recorder {
    fn name(&self) -> &'static str {
        self.name
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
            let (first, second) = batch.split_at(batch.len() / 2);
            record(conn, self.name, first).await?;
            match &self.pause {
                Pause::None => future::ready(()).await,
                Pause::UntilExists(path) => {
                    fs::write(reached(path), "").unwrap();
                    while !path.exists() {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
            }
            Ok(record(conn, self.name, second).await?)
        }
        .boxed()
    }
}

/// Writes one row of effect for each event.
pub async fn record(conn: &mut Connection, consumer: &str, events: &[Event]) -> QueryResult<()> {
    let pid = i32::try_from(std::process::id()).unwrap();
    sql_query(
        "INSERT INTO effect (consumer, pid, seq, event_id, aggregate_id, version) \
         SELECT $1, $2, * FROM unnest($3, $4, $5, $6)",
    )
    .bind::<Text, _>(consumer)
    .bind::<Integer, _>(pid)
    .bind::<Array<BigInt>, _>(events.iter().map(|e| e.seq).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(events.iter().map(|e| e.event_id).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(events.iter().map(|e| e.aggregate_id).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(events.iter().map(|e| e.aggregate_version).collect::<Vec<_>>())
    .execute(conn)
    .await
    .map(drop)
}

/// An event about an aggregate, which is its own partition key.
pub fn event(aggregate: Uuid, version: i64) -> NewEvent {
    NewEvent {
        partition_key: aggregate,
        aggregate_id: aggregate,
        aggregate_version: version,
        event_type: TYPE,
        payload: Payload::of(&json!({ "version": version })).unwrap(),
        trace_context: None,
    }
}

/// Changes an aggregate as a module would: locks its row, counts its version, publishes.
pub async fn change(conn: &mut Connection, aggregate: Uuid) -> QueryResult<()> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        version: i64,
    }
    let row: Row = sql_query(
        "INSERT INTO aggregate VALUES ($1, 1) \
         ON CONFLICT (id) DO UPDATE SET version = aggregate.version + 1 RETURNING version",
    )
    .bind::<SqlUuid, _>(aggregate)
    .get_result(conn)
    .await?;
    publish(conn, &[event(aggregate, row.version)]).await
}

/// Publishes events of fresh aggregates, one each.
pub async fn publish_fresh(conn: &mut Connection, count: usize) {
    let events = (0..count).map(|_| event(clock::new_id(), 1)).collect::<Vec<_>>();
    publish(conn, &events).await.unwrap();
}
