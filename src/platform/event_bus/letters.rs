//! Dead letters, as an administrator sees and replays them.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, QueryResult, QueryableByName, sql_query,
    sql_types::{BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::event::Event;
use crate::{kernel::period::Period, platform::postgres::Connection};

/// An event that a consumer could not apply, or that waits behind one.
#[derive(Debug, Clone, QueryableByName)]
pub struct DeadLetter {
    /// What [`replay`] takes; time-ordered.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    #[diesel(sql_type = Text)]
    pub consumer: String,
    #[diesel(embed)]
    pub event: Event,
    /// 0 for those that only wait for an earlier event of their aggregate.
    #[diesel(sql_type = Integer)]
    pub attempts: i32,
    #[diesel(sql_type = Nullable<Text>)]
    pub first_error: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub last_error: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    pub parked_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    pub updated_at: DateTime<Utc>,
}

/// What a replay requeues: all letters of one consumer about one aggregate.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Replayed {
    #[diesel(sql_type = Text)]
    pub consumer: String,
    #[diesel(sql_type = SqlUuid)]
    pub aggregate_id: Uuid,
    #[diesel(sql_type = BigInt)]
    pub letters: i64,
}

/// A page of dead letters that were parked in this period, newest first, older than `before`.
pub async fn dead_letters(
    conn: &mut Connection,
    period: Period,
    before: Option<Uuid>,
    limit: i64,
) -> QueryResult<Vec<DeadLetter>> {
    sql_query(
        "SELECT id, consumer, seq, event_id, partition, aggregate_id, aggregate_version, type, \
                payload, trace_context, created_at, attempts, first_error, last_error, parked_at, \
                updated_at \
           FROM bus.parked_event \
          WHERE state = 'dead' AND id BETWEEN $1 AND $2 AND ($3 IS NULL OR id < $3) \
            AND ($4 IS NULL OR parked_at >= $4) AND ($5 IS NULL OR parked_at < $5) \
          ORDER BY id DESC LIMIT $6",
    )
    .bind::<SqlUuid, _>(period.lowest_id())
    .bind::<SqlUuid, _>(period.highest_id())
    .bind::<Nullable<SqlUuid>, _>(before)
    .bind::<Nullable<Timestamptz>, _>(period.from)
    .bind::<Nullable<Timestamptz>, _>(period.to)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await
}

/// How many dead letters there are, by their index.
pub async fn count_dead(conn: &mut Connection) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        letters: i64,
    }
    let count = "SELECT count(*) AS letters FROM bus.parked_event WHERE state = 'dead'";
    sql_query(count).get_result(conn).await.map(|count: Count| count.letters)
}

/// Requeues a dead letter with all others of its aggregate, for another round of attempts in log
/// order; a later one cannot be replayed without the earlier. `None` when there is no such letter,
/// or it has been requeued already. In the caller's transaction; the next idle poll finds them.
pub async fn replay(conn: &mut Connection, id: Uuid) -> QueryResult<Option<Replayed>> {
    // The order in which a consumer adds a letter to the same aggregate just now does not matter: a
    // retry goes by seq, and by the state of the first.
    sql_query(
        "WITH letter AS ( \
             SELECT consumer, partition, aggregate_id FROM bus.parked_event \
              WHERE id = $1 AND state = 'dead' \
         ), first AS ( \
             SELECT min(p.seq) AS seq FROM bus.parked_event p \
               JOIN letter USING (consumer, partition, aggregate_id) \
         ), requeued AS ( \
             UPDATE bus.parked_event p \
                SET state = 'parked', attempts = 0, updated_at = now(), \
                    next_attempt_at = CASE WHEN p.seq = first.seq THEN now() END \
               FROM letter l, first \
              WHERE p.consumer = l.consumer AND p.partition = l.partition \
                AND p.aggregate_id = l.aggregate_id \
             RETURNING p.consumer, p.aggregate_id) \
         SELECT consumer, aggregate_id, count(*) AS letters FROM requeued GROUP BY 1, 2",
    )
    .bind::<SqlUuid, _>(id)
    .get_result(conn)
    .await
    .optional()
}
