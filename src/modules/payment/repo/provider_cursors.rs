//! How far each provider's events have been read.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, QueryableByName, sql_query,
    sql_types::{Text, Timestamptz},
};
use diesel_async::RunQueryDsl;

use super::super::schema::provider_cursors::{self, dsl};
use crate::platform::postgres::Connection;

/// Where to read on. The end of the lease fences out those who read before.
#[derive(Debug, Clone, QueryableByName)]
#[diesel(table_name = provider_cursors, check_for_backend(diesel::pg::Pg))]
pub struct ProviderCursor {
    pub provider: String,
    pub cursor: Option<String>,
    pub since: DateTime<Utc>,
    pub next_poll_at: DateTime<Utc>,
}

/// Takes the reading of this provider's events until `until`, if it is due, or put off beyond
/// `furthest`: so it was by a setting that holds no more. The first time it begins at `since`.
pub async fn claim_cursor(
    conn: &mut Connection,
    provider: &str,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    furthest: DateTime<Utc>,
) -> QueryResult<Option<ProviderCursor>> {
    sql_query(
        "WITH taken AS (
             UPDATE payment.provider_cursors SET next_poll_at = $3
             WHERE provider = $1 AND (next_poll_at <= now() OR next_poll_at > $4)
             RETURNING provider, cursor, since, next_poll_at
         ), begun AS (
             INSERT INTO payment.provider_cursors (provider, since, next_poll_at)
             SELECT $1, $2, $3
             WHERE NOT EXISTS (SELECT FROM payment.provider_cursors WHERE provider = $1)
             ON CONFLICT DO NOTHING
             RETURNING provider, cursor, since, next_poll_at
         )
         SELECT * FROM taken UNION ALL SELECT * FROM begun",
    )
    .bind::<Text, _>(provider)
    .bind::<Timestamptz, _>(since)
    .bind::<Timestamptz, _>(until)
    .bind::<Timestamptz, _>(furthest)
    .get_result(conn)
    .await
    .optional()
}

/// Notes how far was read, and until when the reading is ours, or due again. `false`: another has
/// taken it over.
pub async fn move_cursor(
    conn: &mut Connection,
    held: &ProviderCursor,
    cursor: Option<&str>,
    next_poll_at: DateTime<Utc>,
    read_at: Option<DateTime<Utc>>,
) -> QueryResult<bool> {
    let own = provider_cursors::table.find(&held.provider);
    let moved = diesel::update(own)
        .filter(dsl::next_poll_at.eq(held.next_poll_at))
        .set((
            dsl::cursor.eq(cursor),
            dsl::next_poll_at.eq(next_poll_at),
            read_at.map(|at| dsl::read_at.eq(at)),
        ))
        .execute(conn)
        .await?;
    Ok(moved == 1)
}
