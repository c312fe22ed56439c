//! Questions for whoever compares the books: what has not been consumed yet, what has changed, and
//! is the bus itself in order?

use std::collections::{HashMap, HashSet};

use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::event::Event;
use crate::{kernel::drift::Drift, platform::postgres::Connection};

#[derive(QueryableByName)]
struct Aggregate {
    #[diesel(sql_type = SqlUuid)]
    aggregate_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    letter: Option<Uuid>,
}

/// What a consumer has yet to apply.
#[derive(Debug, Default)]
pub struct Unconsumed {
    /// Aggregates of which it will apply events by itself: its view of them may be old.
    pub under_way: HashSet<Uuid>,
    /// The first dead letter of each aggregate that has one: its view of them stays what it is,
    /// whatever else is under way, until somebody replays it.
    pub dead: HashMap<Uuid, Uuid>,
}

/// What the consumer has yet to apply of these aggregates.
pub async fn unconsumed(
    conn: &mut Connection,
    consumer: &str,
    aggregates: &[Uuid],
) -> QueryResult<Unconsumed> {
    let mut unconsumed = Unconsumed::default();
    if aggregates.is_empty() {
        return Ok(unconsumed);
    }
    let found: Vec<Aggregate> = sql_query(
        "WITH lowest AS MATERIALIZED ( \
             SELECT coalesce(min(position), 0) AS seq FROM bus.consumer_cursor WHERE consumer = $1 \
         ) \
         SELECT aggregate_id, NULL::uuid AS letter FROM bus.outbox WHERE aggregate_id = ANY($2) \
          UNION \
         SELECT e.aggregate_id, NULL FROM bus.event_log e \
          WHERE e.seq > (SELECT seq FROM lowest) AND e.aggregate_id = ANY($2) \
            AND e.seq > coalesce((SELECT c.position FROM bus.consumer_cursor c \
                                   WHERE c.consumer = $1 AND c.partition = e.partition), 0) \
          UNION \
         SELECT aggregate_id, NULL FROM bus.parked_event \
          WHERE consumer = $1 AND aggregate_id = ANY($2) AND state = 'parked' \
          UNION \
         (SELECT DISTINCT ON (aggregate_id) aggregate_id, id FROM bus.parked_event \
           WHERE consumer = $1 AND aggregate_id = ANY($2) AND state = 'dead' \
           ORDER BY aggregate_id, seq)",
    )
    .bind::<Text, _>(consumer)
    .bind::<Array<SqlUuid>, _>(aggregates)
    .load(conn)
    .await?;
    for Aggregate { aggregate_id, letter } in found {
        match letter {
            Some(letter) => drop(unconsumed.dead.insert(aggregate_id, letter)),
            None => drop(unconsumed.under_way.insert(aggregate_id)),
        }
    }
    unconsumed.under_way.retain(|id| !unconsumed.dead.contains_key(id));
    Ok(unconsumed)
}

/// The log's next events after `seq`.
pub async fn log_after(conn: &mut Connection, seq: i64, limit: i64) -> QueryResult<Vec<Event>> {
    sql_query(
        "SELECT seq, event_id, partition, aggregate_id, aggregate_version, type, payload, \
                trace_context, created_at \
           FROM bus.event_log WHERE seq > $1 ORDER BY seq LIMIT $2",
    )
    .bind::<BigInt, _>(seq)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await
}

#[derive(QueryableByName)]
struct Detail {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// What is wrong with outbox, log and cursors.
pub async fn examine(conn: &mut Connection) -> QueryResult<Vec<Drift>> {
    let found: Vec<Detail> = sql_query(
        "WITH head AS MATERIALIZED ( \
             SELECT last_seq FROM bus.event_head ORDER BY pass DESC LIMIT 1 \
         ) \
         SELECT format('%s events wait in the outbox, the oldest since %s', count(*), \
                       min(created_at)) AS detail \
           FROM bus.outbox WHERE created_at < now() - interval '5 minutes' HAVING count(*) > 0 \
          UNION ALL \
         SELECT format('the log ends at %s, its head says %s', l.seq, head.last_seq) \
           FROM head, (SELECT max(seq) AS seq FROM bus.event_log) l \
          WHERE l.seq <> head.last_seq \
          UNION ALL \
         SELECT format('consumer %s is at %s in partition %s, past the head at %s', \
                       c.consumer, c.position, c.partition, head.last_seq) \
           FROM head, bus.consumer_cursor c WHERE c.position > head.last_seq",
    )
    .load(conn)
    .await?;
    Ok(found.into_iter().map(|row| Drift::new("event_bus", row.detail)).collect())
}
