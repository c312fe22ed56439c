//! One pass of one consumer: claim cursors, read a window, apply, move the cursors; one
//! transaction.

use std::time::Duration;

use anyhow::anyhow;
use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{Array, BigInt, Bool, Integer, Nullable, SmallInt, Text},
};
use diesel_async::{AsyncConnection, RunQueryDsl};

use super::{
    attempt,
    consumer::{Consumer, ConsumerError},
    event::{Event, PARTITIONS},
    park::{self, Blocked},
    partitions::Partitions,
};
use crate::platform::postgres::{Connection, cached};

/// A pass looks at so many places of the log for each event that it may apply. Most events concern
/// few consumers, and to claim and move cursors costs more than to look.
const STRETCH: i64 = 16;

/// What a pass did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// How many cursors it moved; 0 when there was nothing to do or others have them.
    pub moved: usize,
    pub applied: usize,
    pub parked: usize,
    /// The log goes on beyond what it looked at.
    pub more: bool,
    /// Somebody else has these, and may have looked before what is in them was there.
    pub elsewhere: Partitions,
}

/// What one pass takes on.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many events at most.
    pub window: i64,
    pub among: Partitions,
    /// How many partitions at most.
    pub partitions: i32,
    /// How long an event that is parked waits for its second attempt.
    pub first_wait: Duration,
}

#[derive(QueryableByName)]
struct Cursor {
    #[diesel(sql_type = SmallInt)]
    part: i16,
    #[diesel(sql_type = BigInt)]
    pos: i64,
    #[diesel(sql_type = BigInt)]
    last_seq: i64,
    #[diesel(sql_type = Bool)]
    held: bool,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(embed)]
    event: Event,
    /// The state of the events of its aggregate that are parked already.
    #[diesel(sql_type = Nullable<Text>)]
    blocked: Option<String>,
}

/// Effects and cursors commit together, so each event has its effect exactly once.
///
/// # Errors
/// Transient ones of the consumer, and those of the bus's own statements; nothing has changed then.
pub async fn pass(
    conn: &mut Connection,
    consumer: &dyn Consumer,
    limits: Limits,
) -> Result<Pass, ConsumerError> {
    conn.transaction(async |conn| {
        let (held, others): (Vec<_>, Vec<_>) =
            claim(conn, consumer.name(), limits).await?.into_iter().partition(|c| c.held);
        let others = others.iter().map(|c| c.part).collect::<Vec<_>>();
        let elsewhere = Partitions::of(&others);
        let Some((first, last_seq)) = held.iter().map(|c| (c.pos, c.last_seq)).min() else {
            return Ok(Pass { elsewhere, ..Pass::default() });
        };
        let reach = last_seq.min(first + STRETCH * limits.window);
        let found = read(conn, consumer, &held, (first, reach), limits.window).await?;
        let is_full = i64::try_from(found.len()).is_ok_and(|found| found == limits.window);
        // fewer than it may apply: in that stretch there is nothing more
        let end = found.last().filter(|_| is_full).map_or(reach, |last| last.event.seq);
        let (blocked, fresh): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|f| f.blocked.is_some());
        let fresh = fresh.into_iter().map(|f| f.event).collect();
        let outcome = attempt::apply(conn, consumer, fresh).await?;
        let blocked = blocked
            .into_iter()
            .map(|f| Blocked { dead: f.blocked.as_deref() == Some("dead"), event: f.event });
        let blocked =
            blocked.chain(outcome.behind.into_iter().map(Blocked::live)).collect::<Vec<_>>();
        let parked = blocked.len() + outcome.failed.len();
        park::park(conn, consumer.name(), outcome.failed, blocked, limits.first_wait).await?;
        let moved = advance(conn, consumer.name(), &held, end).await?;
        Ok(Pass { moved, applied: outcome.applied, parked, more: end < last_seq, elsewhere })
    })
    .await
}

async fn claim(conn: &mut Connection, consumer: &str, limits: Limits) -> QueryResult<Vec<Cursor>> {
    let claim = sql_query("SELECT part, pos, last_seq, held FROM bus.claim_among($1, $2, $3)")
        .bind::<Text, _>(consumer)
        .bind::<Integer, _>(limits.partitions)
        .bind::<Array<SmallInt>, _>(limits.among.numbers());
    cached(claim).load(conn).await
}

/// The first `limit` events of this stretch of the log (after the one, to the other) that concern
/// this consumer, of the partitions it holds, past each one's position.
async fn read(
    conn: &mut Connection,
    consumer: &dyn Consumer,
    held: &[Cursor],
    (after, reach): (i64, i64),
    limit: i64,
) -> QueryResult<Vec<Found>> {
    // EXISTS is asked once; the look-up by aggregate, for each event, only where anything is parked
    const READ: &str = "\
        SELECT e.seq, e.event_id, e.partition, e.aggregate_id, e.aggregate_version, e.type, \
               e.payload, e.trace_context, e.created_at, \
               CASE WHEN EXISTS (SELECT FROM bus.parked_event a WHERE a.consumer = $1) THEN \
                    (SELECT p.state FROM bus.parked_event p \
                      WHERE p.consumer = $1 AND p.partition = e.partition \
                        AND p.aggregate_id = e.aggregate_id ORDER BY p.seq LIMIT 1) \
               END AS blocked \
          FROM bus.event_log e \
         WHERE e.seq > $2 AND e.seq <= $3 AND e.type = ANY($4) \
           AND e.seq > ($5::bigint[])[e.partition + 1] \
         ORDER BY e.seq LIMIT $6";
    // by partition; NULL, which nothing exceeds, for those that are not held
    let positions = (0..PARTITIONS)
        .map(|part| held.iter().find(|c| c.part == part).map(|c| c.pos))
        .collect::<Vec<_>>();
    let read = sql_query(READ)
        .bind::<Text, _>(consumer.name())
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(reach)
        .bind::<Array<Text>, _>(consumer.event_types())
        .bind::<Array<Nullable<BigInt>>, _>(positions)
        .bind::<BigInt, _>(limit);
    cached(read).load(conn).await
}

/// Moves the cursors that lie before the end of what was looked at.
async fn advance(
    conn: &mut Connection,
    consumer: &str,
    held: &[Cursor],
    end: i64,
) -> Result<usize, ConsumerError> {
    #[derive(QueryableByName)]
    struct Moved {
        #[diesel(sql_type = BigInt)]
        moved: i64,
    }
    let behind: Vec<_> = held.iter().filter(|c| c.pos < end).collect();
    let advance = sql_query("SELECT bus.advance($1, $2, $3, $4) AS moved")
        .bind::<Text, _>(consumer)
        .bind::<Array<SmallInt>, _>(behind.iter().map(|c| c.part).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(behind.iter().map(|c| c.pos).collect::<Vec<_>>())
        .bind::<BigInt, _>(end);
    let row: Moved = cached(advance).get_result(conn).await?;
    // Postgres holds the locks; should they ever fail us, nothing is applied twice all the same
    if usize::try_from(row.moved) != Ok(behind.len()) {
        return Err(anyhow!("cursors of {consumer} moved under our locks").into());
    }
    Ok(behind.len())
}
