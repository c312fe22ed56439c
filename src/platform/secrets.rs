//! Secrets that nobody configured: made once by whichever replica comes first, and kept in
//! Postgres, so that all replicas have the same.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult};
use diesel_async::RunQueryDsl;

use super::postgres::Connection;

diesel::table! {
    bus.secret (name) {
        name -> Text,
        value -> Text,
        created_at -> Timestamptz,
    }
}

/// The secret of this name. If there is none, `make` is called and its value kept, unless another
/// replica was faster: then that one's value is the secret.
///
/// Call it outside a transaction, or in one of Postgres's default isolation: a snapshot would hide
/// what the faster replica stored.
pub async fn get_or_create(
    conn: &mut Connection,
    name: &str,
    make: impl FnOnce() -> String,
) -> QueryResult<String> {
    if let Some(value) = find(conn, name).await? {
        return Ok(value);
    }
    diesel::insert_into(secret::table)
        .values((secret::name.eq(name), secret::value.eq(make())))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    secret::table.find(name).select(secret::value).first(conn).await
}

/// Puts another value in the place of a secret, for processes that start from now on.
pub async fn replace(conn: &mut Connection, name: &str, value: &str) -> QueryResult<()> {
    diesel::insert_into(secret::table)
        .values((secret::name.eq(name), secret::value.eq(value)))
        .on_conflict(secret::name)
        .do_update()
        .set(secret::value.eq(value))
        .execute(conn)
        .await
        .map(drop)
}

async fn find(conn: &mut Connection, name: &str) -> QueryResult<Option<String>> {
    secret::table.find(name).select(secret::value).first(conn).await.optional()
}
