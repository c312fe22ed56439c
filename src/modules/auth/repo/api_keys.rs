//! API keys.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::{
    kernel::{
        ids::{ApiKeyId, UserId},
        page::PageRequest,
    },
    modules::auth::{
        model::ApiKey,
        schema::{api_keys, users},
    },
    platform::postgres::Connection,
};

/// Who acts with a key.
#[derive(Debug, Clone, Copy, Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
pub struct KeyUse {
    pub id: ApiKeyId,
    pub user_id: UserId,
    pub last_used_at: Option<DateTime<Utc>>,
}

pub async fn insert_key(
    conn: &mut Connection,
    user: UserId,
    key: &ApiKey,
    secret_hash: &[u8],
) -> QueryResult<usize> {
    diesel::insert_into(api_keys::table)
        .values((
            api_keys::id.eq(key.id),
            api_keys::user_id.eq(user),
            api_keys::name.eq(&key.name),
            api_keys::prefix.eq(&key.prefix),
            api_keys::secret_hash.eq(secret_hash),
            api_keys::created_at.eq(key.created_at),
        ))
        .execute(conn)
        .await
}

/// How many keys of the user can be used.
pub async fn count_keys(conn: &mut Connection, user: UserId) -> QueryResult<i64> {
    api_keys::table
        .filter(api_keys::user_id.eq(user))
        .filter(api_keys::revoked_at.is_null())
        .count()
        .get_result(conn)
        .await
}

/// The key with this secret, unless it was revoked or its user is suspended.
pub async fn find_key(conn: &mut Connection, secret_hash: &[u8]) -> QueryResult<Option<KeyUse>> {
    let active = users::table.filter(users::suspended_at.is_null()).select(users::id);
    api_keys::table
        .filter(api_keys::user_id.eq_any(active))
        .filter(api_keys::secret_hash.eq(secret_hash))
        .filter(api_keys::revoked_at.is_null())
        .select(KeyUse::as_select())
        .first(conn)
        .await
        .optional()
}

pub async fn note_use(
    conn: &mut Connection,
    id: ApiKeyId,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(api_keys::table.find(id)).set(api_keys::last_used_at.eq(now)).execute(conn).await
}

/// The user's keys that can be used, newest first; one more than asked for.
pub async fn list_keys(
    conn: &mut Connection,
    user: UserId,
    page: &PageRequest<ApiKeyId>,
) -> QueryResult<Vec<ApiKey>> {
    let mut query = api_keys::table
        .filter(api_keys::user_id.eq(user))
        .filter(api_keys::revoked_at.is_null())
        .order(api_keys::id.desc())
        .limit(page.limit + 1)
        .select(ApiKey::as_select())
        .into_boxed();
    if let Some(after) = page.after {
        query = query.filter(api_keys::id.lt(after));
    }
    query.load(conn).await
}

/// `false`: the user has no such key.
pub async fn revoke_key(
    conn: &mut Connection,
    user: UserId,
    id: ApiKeyId,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let live = api_keys::table
        .find(id)
        .filter(api_keys::user_id.eq(user))
        .filter(api_keys::revoked_at.is_null());
    Ok(diesel::update(live).set(api_keys::revoked_at.eq(now)).execute(conn).await? == 1)
}

/// Revokes all keys of a user.
pub async fn revoke_keys(
    conn: &mut Connection,
    user: UserId,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    let live =
        api_keys::table.filter(api_keys::user_id.eq(user)).filter(api_keys::revoked_at.is_null());
    diesel::update(live).set(api_keys::revoked_at.eq(now)).execute(conn).await
}
