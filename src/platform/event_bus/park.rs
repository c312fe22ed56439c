//! Parked events: one that fails deterministically, and what comes after it in its aggregate, wait
//! in a table of their own, so that nobody else has to.

use std::time::Duration;

use diesel::{
    QueryResult, sql_query,
    sql_types::{BigInt, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;

use super::event::Event;
use crate::{
    kernel::clock,
    platform::postgres::{Connection, cached},
};

/// An event that waits behind others of its aggregate.
pub struct Blocked {
    pub event: Event,
    /// The others are dead letters: so is this.
    pub dead: bool,
}

impl Blocked {
    pub fn live(event: Event) -> Self {
        Self { event, dead: false }
    }
}

/// Stores what failed, due for its second attempt after `first_wait`, and what waits behind.
pub async fn park(
    conn: &mut Connection,
    consumer: &str,
    failed: Vec<(Event, String)>,
    blocked: Vec<Blocked>,
    first_wait: Duration,
) -> QueryResult<()> {
    for (event, error) in failed {
        tracing::warn!(consumer, seq = event.seq, event_type = %event.event_type, %error, "event parked");
        insert(conn, consumer, event, "parked", Some((error, first_wait))).await?;
    }
    for Blocked { event, dead } in blocked {
        insert(conn, consumer, event, if dead { "dead" } else { "parked" }, None).await?;
    }
    Ok(())
}

async fn insert(
    conn: &mut Connection,
    consumer: &str,
    event: Event,
    state: &str,
    failure: Option<(String, Duration)>,
) -> QueryResult<()> {
    const INSERT: &str = "\
        INSERT INTO bus.parked_event (id, consumer, partition, aggregate_id, seq, event_id, \
               aggregate_version, type, payload, trace_context, created_at, state, attempts, \
               next_attempt_at, first_error, last_error, parked_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, \
               CASE WHEN $13 IS NULL THEN 0 ELSE 1 END, \
               CASE WHEN $13 IS NULL THEN NULL ELSE now() + $14 * interval '1 microsecond' END, $13, $13, \
               $15)";
    let (error, wait) = failure.unzip();
    let insert = sql_query(INSERT)
        .bind::<SqlUuid, _>(clock::new_id())
        .bind::<Text, _>(consumer)
        .bind::<SmallInt, _>(event.partition)
        .bind::<SqlUuid, _>(event.aggregate_id)
        .bind::<BigInt, _>(event.seq)
        .bind::<SqlUuid, _>(event.event_id)
        .bind::<BigInt, _>(event.aggregate_version)
        .bind::<Text, _>(event.event_type)
        .bind::<Jsonb, _>(event.payload)
        .bind::<Nullable<Text>, _>(event.trace_context)
        .bind::<Timestamptz, _>(event.created_at)
        .bind::<Text, _>(state)
        .bind::<Nullable<Text>, _>(error)
        .bind::<BigInt, _>(micros(wait.unwrap_or_default()))
        // by the clock that the id is made of: a list's period bounds both
        .bind::<Timestamptz, _>(clock::now());
    cached(insert).execute(conn).await.map(drop)
}

/// A wait as Postgres is told it.
pub fn micros(wait: Duration) -> i64 {
    i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)
}
