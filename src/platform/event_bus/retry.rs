//! Retrying parked events: the first of each aggregate with backoff, the others as soon as it is
//! through. What has failed too often becomes a dead letter together with all that waits for it.

use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{Array, BigInt, Bool, Integer, SmallInt, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, RunQueryDsl};
use uuid::Uuid;

use super::{
    attempt::attempt,
    config::BusConfig,
    consumer::{Consumer, ConsumerError},
    event::Event,
    park::micros,
};
use crate::platform::postgres::{Connection, Database, cached};

/// How many aggregates one round retries, and how many events of each.
const ROUND: i64 = 64;
const RUN: i64 = 200;

#[derive(QueryableByName)]
struct Due {
    #[diesel(sql_type = SmallInt)]
    partition: i16,
    #[diesel(sql_type = SqlUuid)]
    aggregate_id: Uuid,
}

#[derive(QueryableByName)]
struct Waiting {
    #[diesel(embed)]
    event: Event,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = Bool)]
    due: bool,
}

/// Retries the aggregates that are due, each in a transaction of its own; returns how many events
/// were applied.
pub async fn retry_due(
    database: &Database,
    consumer: &dyn Consumer,
    config: &BusConfig,
) -> Result<usize, ConsumerError> {
    const DUE: &str = "\
        SELECT partition, aggregate_id FROM bus.parked_event \
         WHERE consumer = $1 AND state = 'parked' AND next_attempt_at <= now() \
         ORDER BY next_attempt_at LIMIT $2";
    let mut conn = database.conn().await?;
    let due = sql_query(DUE).bind::<Text, _>(consumer.name()).bind::<BigInt, _>(ROUND);
    let due: Vec<Due> = cached(due).load(&mut conn).await?;
    let mut applied = 0;
    for aggregate in due {
        applied +=
            conn.transaction(async |conn| retry(conn, consumer, config, &aggregate).await).await?;
    }
    Ok(applied)
}

/// Applies the events of one aggregate in order, up to the first that fails, under the cursor's
/// lock.
async fn retry(
    conn: &mut Connection,
    consumer: &dyn Consumer,
    config: &BusConfig,
    of: &Due,
) -> Result<usize, ConsumerError> {
    if !lock_cursor(conn, consumer.name(), of.partition).await? {
        return Ok(0);
    }
    let waiting = waiting(conn, consumer.name(), of).await?;
    // another replica may have been here since
    if !waiting.as_slice().first().is_some_and(|first| first.due) {
        return Ok(0);
    }
    let mut done = Vec::new();
    for Waiting { event, attempts, .. } in &waiting {
        match attempt(conn, consumer, std::slice::from_ref(event)).await {
            Ok(()) => done.push(event.seq),
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => {
                let attempts = attempts + 1;
                failed(conn, consumer.name(), config, of, event.seq, attempts, &error).await?;
                break;
            }
        }
    }
    let all = done.len() == waiting.len();
    forget(conn, consumer.name(), of, &done, all).await?;
    Ok(done.len())
}

async fn lock_cursor(conn: &mut Connection, consumer: &str, part: i16) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Locked {
        #[diesel(sql_type = Bool)]
        locked: bool,
    }
    let lock = sql_query("SELECT bus.lock_cursor($1, $2) AS locked")
        .bind::<Text, _>(consumer)
        .bind::<SmallInt, _>(part);
    cached(lock).get_result::<Locked>(conn).await.map(|row| row.locked)
}

async fn waiting(conn: &mut Connection, consumer: &str, of: &Due) -> QueryResult<Vec<Waiting>> {
    const WAITING: &str = "\
        SELECT seq, event_id, partition, aggregate_id, aggregate_version, type, payload, \
               trace_context, created_at, attempts, \
               coalesce(state = 'parked' AND next_attempt_at <= now(), false) AS due \
          FROM bus.parked_event \
         WHERE consumer = $1 AND partition = $2 AND aggregate_id = $3 ORDER BY seq LIMIT $4";
    let waiting = sql_query(WAITING)
        .bind::<Text, _>(consumer)
        .bind::<SmallInt, _>(of.partition)
        .bind::<SqlUuid, _>(of.aggregate_id)
        .bind::<BigInt, _>(RUN);
    cached(waiting).load(conn).await
}

/// Counts a failure: the next attempt comes later, or the aggregate is given up.
async fn failed(
    conn: &mut Connection,
    consumer: &str,
    config: &BusConfig,
    of: &Due,
    seq: i64,
    attempts: i32,
    error: &ConsumerError,
) -> QueryResult<()> {
    const FAILED: &str = "\
        UPDATE bus.parked_event \
           SET state = CASE WHEN $5 THEN 'dead' ELSE 'parked' END, \
               attempts = CASE WHEN seq = $4 THEN $6 ELSE attempts END, \
               next_attempt_at = CASE WHEN seq = $4 AND NOT $5 \
                   THEN now() + $7 * interval '1 microsecond' END, \
               first_error = CASE WHEN seq = $4 THEN coalesce(first_error, $8) \
                   ELSE first_error END, \
               last_error = CASE WHEN seq = $4 THEN $8 ELSE last_error END, \
               updated_at = now() \
         WHERE consumer = $1 AND partition = $2 AND aggregate_id = $3 AND (seq = $4 OR $5)";
    let dead = attempts >= config.max_attempts;
    if dead {
        tracing::error!(consumer, seq, aggregate = %of.aggregate_id, %error, "dead letter");
    }
    let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(16);
    let wait = config.parked_backoff.saturating_mul(1 << doublings);
    let failed = sql_query(FAILED)
        .bind::<Text, _>(consumer)
        .bind::<SmallInt, _>(of.partition)
        .bind::<SqlUuid, _>(of.aggregate_id)
        .bind::<BigInt, _>(seq)
        .bind::<Bool, _>(dead)
        .bind::<Integer, _>(attempts)
        .bind::<BigInt, _>(micros(wait))
        .bind::<Text, _>(error.stored());
    cached(failed).execute(conn).await.map(drop)
}

/// Deletes what was applied; when all that was read is done, the next one, if any, is due.
async fn forget(
    conn: &mut Connection,
    consumer: &str,
    of: &Due,
    done: &[i64],
    all: bool,
) -> QueryResult<()> {
    const DELETE: &str = "\
        DELETE FROM bus.parked_event \
         WHERE consumer = $1 AND partition = $2 AND aggregate_id = $3 AND seq = ANY($4)";
    const NEXT: &str = "\
        UPDATE bus.parked_event SET state = 'parked', next_attempt_at = now() \
         WHERE consumer = $1 AND partition = $2 AND aggregate_id = $3 AND seq = \
               (SELECT min(seq) FROM bus.parked_event \
                 WHERE consumer = $1 AND partition = $2 AND aggregate_id = $3)";
    if done.is_empty() {
        return Ok(());
    }
    let delete = sql_query(DELETE)
        .bind::<Text, _>(consumer)
        .bind::<SmallInt, _>(of.partition)
        .bind::<SqlUuid, _>(of.aggregate_id)
        .bind::<Array<BigInt>, _>(done);
    cached(delete).execute(conn).await?;
    if all {
        let next = sql_query(NEXT)
            .bind::<Text, _>(consumer)
            .bind::<SmallInt, _>(of.partition)
            .bind::<SqlUuid, _>(of.aggregate_id);
        cached(next).execute(conn).await?;
    }
    Ok(())
}
