//! What is done at start-up, once a minute, and every few seconds: cursors, old partitions, gauges.

use std::time::Duration;

use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{Array, BigInt, Double, Text},
};
use diesel_async::{AsyncConnection, RunQueryDsl};

use super::park::micros;
use crate::platform::postgres::{Connection, cached};

/// Makes the missing cursors of these consumers. A new one starts where the retained log starts.
pub async fn register(conn: &mut Connection, consumers: &[&str]) -> QueryResult<()> {
    const MISSING: &str = "\
        INSERT INTO bus.consumer_cursor (consumer, partition, position) \
        SELECT w, p, greatest(0, (SELECT min(substring(c.relname FROM '\\d+$')::bigint) \
                                    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
                                   WHERE i.inhparent = 'bus.event_log'::regclass) * 1000000 - 1) \
          FROM unnest($1) w, generate_series(0, 31) p \
         WHERE NOT EXISTS (SELECT FROM bus.consumer_cursor c \
                            WHERE c.consumer = w AND c.partition = p)";
    conn.transaction(async |conn| {
        // the table's key cannot refuse a second cursor: one replica registers at a time
        sql_query("SELECT pg_advisory_xact_lock(hashtext('bus.register'))").execute(conn).await?;
        sql_query(MISSING).bind::<Array<Text>, _>(consumers).execute(conn).await.map(drop)
    })
    .await
}

/// Drops the partitions of the log that nobody needs; returns how many.
pub async fn expire(conn: &mut Connection, keep: Duration) -> QueryResult<i32> {
    #[derive(QueryableByName)]
    struct Dropped {
        #[diesel(sql_type = diesel::sql_types::Integer)]
        dropped: i32,
    }
    let expire = sql_query("SELECT bus.expire_log($1 * interval '1 microsecond') AS dropped")
        .bind::<BigInt, _>(micros(keep));
    cached(expire).get_result::<Dropped>(conn).await.map(|row| row.dropped)
}

/// Sets the gauges, by one query.
pub async fn sample(conn: &mut Connection, consumers: &[&str]) -> QueryResult<()> {
    #[derive(QueryableByName)]
    struct Sample {
        #[diesel(sql_type = Text)]
        consumer: String,
        #[diesel(sql_type = Double)]
        oldest: f64,
        #[diesel(sql_type = Double)]
        lag_events: f64,
        #[diesel(sql_type = Double)]
        lag_seconds: f64,
        #[diesel(sql_type = Double)]
        dead: f64,
    }
    let sample = sql_query("SELECT * FROM bus.sample($1)").bind::<Array<Text>, _>(consumers);
    for row in cached(sample).load::<Sample>(conn).await? {
        if row.consumer.is_empty() {
            metrics::gauge!("outbox_oldest_unsequenced_seconds").set(row.oldest);
            continue;
        }
        let of = [("consumer", row.consumer)];
        metrics::gauge!("consumer_lag_events", &of).set(row.lag_events);
        metrics::gauge!("consumer_lag_seconds", &of).set(row.lag_seconds);
        metrics::gauge!("dead_letters", &of).set(row.dead);
    }
    Ok(())
}
