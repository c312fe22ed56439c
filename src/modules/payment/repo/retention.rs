//! What need not be kept.

use chrono::{DateTime, Utc};
use diesel::{
    QueryResult, sql_query,
    sql_types::{BigInt, Timestamptz},
};
use diesel_async::RunQueryDsl;

use crate::platform::postgres::Connection;

/// Deletes up to `limit` webhooks that came before that time and are settled, the oldest first;
/// returns how many.
pub async fn forget_settled(
    conn: &mut Connection,
    before: DateTime<Utc>,
    limit: i64,
) -> QueryResult<usize> {
    sql_query(
        "DELETE FROM payment.webhook_inbox WHERE id IN (
             SELECT id FROM payment.webhook_inbox
             WHERE received_at < $1 AND status IN ('applied', 'ignored')
             ORDER BY received_at, id LIMIT $2 FOR UPDATE SKIP LOCKED)",
    )
    .bind::<Timestamptz, _>(before)
    .bind::<BigInt, _>(limit)
    .execute(conn)
    .await
}
