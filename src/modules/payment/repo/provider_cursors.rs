//! How far each provider's events have been read.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, Queryable, Selectable,
    SelectableHelper,
};
use diesel_async::RunQueryDsl;

use super::super::schema::provider_cursors::{self, dsl};
use crate::platform::postgres::Connection;

/// Where to read on. The end of the lease fences out those who read before.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = provider_cursors, check_for_backend(diesel::pg::Pg))]
pub struct ProviderCursor {
    pub provider: String,
    pub cursor: Option<String>,
    pub since: DateTime<Utc>,
    pub next_poll_at: DateTime<Utc>,
}

/// Takes the reading of this provider's events until `until`, if it is due. The first time it
/// begins at `since`.
pub async fn claim_cursor(
    conn: &mut Connection,
    provider: &str,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
) -> QueryResult<Option<ProviderCursor>> {
    diesel::insert_into(provider_cursors::table)
        .values((
            dsl::provider.eq(provider),
            dsl::since.eq(since),
            dsl::next_poll_at.eq(diesel::dsl::now),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    diesel::update(provider_cursors::table.find(provider))
        .filter(dsl::next_poll_at.le(diesel::dsl::now))
        .set(dsl::next_poll_at.eq(until))
        .returning(ProviderCursor::as_returning())
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
