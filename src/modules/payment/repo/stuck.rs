//! Payments that should have come to an end.

use chrono::{DateTime, Utc};
use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{BigInt, Timestamptz},
};
use diesel_async::RunQueryDsl;

use crate::platform::postgres::{Connection, cached};

/// How many there are, at most 1000 of each.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct Stuck {
    /// Pending although they should have been given up.
    #[diesel(sql_type = BigInt)]
    pub unpaid: i64,
    /// The provider holds the money, and was to take it by itself.
    #[diesel(sql_type = BigInt)]
    pub uncaptured: i64,
}

/// Pending ones made before `pending_since`, authorized ones before `authorized_since`. Ids begin
/// with the time of their making, so the index by status and id leads to the few that are old.
pub async fn count_stuck(
    conn: &mut Connection,
    pending_since: DateTime<Utc>,
    authorized_since: DateTime<Utc>,
) -> QueryResult<Stuck> {
    const COUNT: &str = "\
        WITH bound AS (SELECT n, (lpad(to_hex((extract(epoch FROM t) * 1000)::bigint), 12, '0') \
                                  || repeat('0', 20))::uuid AS id \
                         FROM (VALUES (1, $1), (2, $2)) v(n, t)) \
        SELECT (SELECT count(*) FROM (SELECT FROM payment.payments \
                 WHERE status = 'pending' AND id < (SELECT id FROM bound WHERE n = 1) \
                 LIMIT 1000) u) AS unpaid, \
               (SELECT count(*) FROM (SELECT FROM payment.payments \
                 WHERE status = 'authorized' AND id < (SELECT id FROM bound WHERE n = 2) \
                   AND capture_method = 'automatic' LIMIT 1000) c) AS uncaptured";
    let count = sql_query(COUNT)
        .bind::<Timestamptz, _>(pending_since)
        .bind::<Timestamptz, _>(authorized_since);
    cached(count).get_result(conn).await
}
