//! The keys that sign and verify tokens.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::{modules::auth::schema::signing_keys, platform::postgres::Connection};

/// A key; its private half is there if it was made here.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_keys, check_for_backend(diesel::pg::Pg))]
pub struct KeyRow {
    pub id: String,
    pub public_key: String,
    pub private_pem: Option<String>,
    pub created_at: DateTime<Utc>,
    pub signs_from: DateTime<Utc>,
    pub verifies_until: Option<DateTime<Utc>>,
}

/// The keys whose tokens are good at `now`, the one that signs last first.
pub async fn live_signing_keys(
    conn: &mut Connection,
    now: DateTime<Utc>,
) -> QueryResult<Vec<KeyRow>> {
    signing_keys::table
        .filter(signing_keys::verifies_until.is_null().or(signing_keys::verifies_until.gt(now)))
        .order((signing_keys::signs_from.desc(), signing_keys::id))
        .select(KeyRow::as_select())
        .load(conn)
        .await
}

/// Nothing happens when the key is there.
pub async fn insert_signing_key(conn: &mut Connection, row: &KeyRow) -> QueryResult<usize> {
    diesel::insert_into(signing_keys::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(conn)
        .await
}

/// The key signs, from now on and without end.
pub async fn revive_signing_key(conn: &mut Connection, id: &str) -> QueryResult<usize> {
    let ended = signing_keys::table.find(id).filter(signing_keys::verifies_until.is_not_null());
    diesel::update(ended)
        .set(signing_keys::verifies_until.eq(None::<DateTime<Utc>>))
        .execute(conn)
        .await
}

/// Keys other than this one, and without an end so far, verify until then.
pub async fn retire_others(
    conn: &mut Connection,
    id: &str,
    until: DateTime<Utc>,
) -> QueryResult<usize> {
    let others = signing_keys::table
        .filter(signing_keys::id.ne(id))
        .filter(signing_keys::verifies_until.is_null());
    diesel::update(others).set(signing_keys::verifies_until.eq(until)).execute(conn).await
}

/// The key verifies until then. `false`: there is no such key.
pub async fn retire_signing_key(
    conn: &mut Connection,
    id: &str,
    until: DateTime<Utc>,
) -> QueryResult<bool> {
    let key = signing_keys::table.find(id);
    let changed = diesel::update(key).set(signing_keys::verifies_until.eq(until));
    Ok(changed.execute(conn).await? == 1)
}
