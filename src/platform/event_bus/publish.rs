//! The producer's side.

use diesel::{
    QueryResult,
    sql_types::{Array, BigInt, Jsonb, Nullable, SmallInt, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;

use super::event::{NewEvent, partition_of};
use crate::{
    kernel::clock,
    platform::postgres::{Connection, cached},
};

/// `xact` and `id` are left to their defaults, in this order: the floor of the sequencer rests
/// upon it. Whoever makes this insert part of a larger statement names the same columns, and asks
/// [`partition_of`].
const INSERT: &str = "\
    INSERT INTO bus.outbox \
        (event_id, partition, aggregate_id, aggregate_version, type, payload, trace_context) \
    SELECT e.event_id, e.partition, e.aggregate_id, e.version, e.type, e.payload, e.trace_context \
      FROM unnest($1, $2, $3, $4, $5, $6, $7) WITH ORDINALITY \
        AS e(event_id, partition, aggregate_id, version, type, payload, trace_context, n) \
     ORDER BY e.n";

/// Records events in the caller's transaction, which holds the lock of each aggregate: they happen
/// if and only if it commits. One statement, whatever their number. After the commit call
/// [`EventBus::wake`](super::EventBus::wake), or they wait for the next idle poll.
pub async fn publish(conn: &mut Connection, events: &[NewEvent]) -> QueryResult<()> {
    if events.is_empty() {
        return Ok(());
    }
    let column = |f: fn(&NewEvent) -> uuid::Uuid| events.iter().map(f).collect::<Vec<_>>();
    let partitions = events.iter().map(|e| partition_of(e.partition_key)).collect::<Vec<_>>();
    let versions = events.iter().map(|e| e.aggregate_version).collect::<Vec<_>>();
    let types = events.iter().map(|e| e.event_type).collect::<Vec<_>>();
    let payloads = events.iter().map(|e| &e.payload).collect::<Vec<_>>();
    let traces = events.iter().map(|e| e.trace_context.as_deref()).collect::<Vec<_>>();
    let insert = diesel::sql_query(INSERT)
        .bind::<Array<SqlUuid>, _>(column(|_| clock::new_id()))
        .bind::<Array<SmallInt>, _>(partitions)
        .bind::<Array<SqlUuid>, _>(column(|e| e.aggregate_id))
        .bind::<Array<BigInt>, _>(versions)
        .bind::<Array<Text>, _>(types)
        .bind::<Array<Jsonb>, _>(payloads)
        .bind::<Array<Nullable<Text>>, _>(traces);
    cached(insert).execute(conn).await.map(drop)
}
