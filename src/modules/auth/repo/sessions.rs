//! Refresh tokens.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::{
    kernel::{ids::UserId, page::PageRequest},
    modules::auth::{
        model::{OpenSession, StoredToken},
        schema::refresh_tokens,
    },
    platform::postgres::Connection,
};

/// A row of `refresh_tokens`, about to be inserted.
#[derive(Insertable)]
#[diesel(table_name = refresh_tokens)]
pub struct NewToken {
    pub id: Uuid,
    pub family_id: Uuid,
    pub user_id: UserId,
    pub token_hash: Vec<u8>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

pub async fn insert_token(conn: &mut Connection, token: &NewToken) -> QueryResult<usize> {
    diesel::insert_into(refresh_tokens::table).values(token).execute(conn).await
}

/// The token with this hash, locked.
pub async fn lock_token(
    conn: &mut Connection,
    token_hash: &[u8],
) -> QueryResult<Option<StoredToken>> {
    refresh_tokens::table
        .filter(refresh_tokens::token_hash.eq(token_hash))
        .select(StoredToken::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .optional()
}

pub async fn mark_used(
    conn: &mut Connection,
    token: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(refresh_tokens::table.find(token))
        .set(refresh_tokens::used_at.eq(now))
        .execute(conn)
        .await
}

/// Ends a session: no token of the family can be used any more.
pub async fn revoke_family(
    conn: &mut Connection,
    family: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    let live = refresh_tokens::table
        .filter(refresh_tokens::family_id.eq(family))
        .filter(refresh_tokens::revoked_at.is_null());
    diesel::update(live).set(refresh_tokens::revoked_at.eq(now)).execute(conn).await
}

/// Ends all sessions of a user, but this one if there is one to spare.
pub async fn revoke_families_but(
    conn: &mut Connection,
    user: UserId,
    spared: Option<Uuid>,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    let others = refresh_tokens::table
        .filter(refresh_tokens::user_id.eq(user))
        // no family has the nil id
        .filter(refresh_tokens::family_id.ne(spared.unwrap_or_default()))
        .filter(refresh_tokens::revoked_at.is_null());
    diesel::update(others).set(refresh_tokens::revoked_at.eq(now)).execute(conn).await
}

/// Whether the session is the user's and can still be continued.
pub async fn is_open(
    conn: &mut Connection,
    user: UserId,
    family: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(open(user, family, now))).get_result(conn).await
}

/// The one token of a session that can still be used.
#[diesel::dsl::auto_type(no_type_alias)]
pub fn open(user: UserId, family: Uuid, now: DateTime<Utc>) -> _ {
    refresh_tokens::table
        .filter(refresh_tokens::family_id.eq(family))
        .filter(refresh_tokens::user_id.eq(user))
        .filter(refresh_tokens::used_at.is_null())
        .filter(refresh_tokens::revoked_at.is_null())
        .filter(refresh_tokens::expires_at.gt(now))
}

/// What the lookout asks: has any session ended so short a time ago?
pub fn any_ended_within(time: TimeDelta) -> String {
    format!(
        "SELECT 1 FROM auth.refresh_tokens WHERE used_at IS NULL \
         AND revoked_at >= now() - interval '{} seconds'",
        time.num_seconds()
    )
}

/// Sessions that were ended since, and when; each once, by its one token that was never used.
pub async fn ended_since(
    conn: &mut Connection,
    since: DateTime<Utc>,
) -> QueryResult<Vec<(Uuid, DateTime<Utc>)>> {
    refresh_tokens::table
        .filter(refresh_tokens::used_at.is_null())
        .filter(refresh_tokens::revoked_at.ge(since))
        .select((refresh_tokens::family_id, refresh_tokens::revoked_at.assume_not_null()))
        .load(conn)
        .await
}

/// The sessions of a user that can be continued, the latest sign-in first; one more than asked for.
pub async fn list_open(
    conn: &mut Connection,
    user: UserId,
    page: &PageRequest<Uuid>,
    now: DateTime<Utc>,
) -> QueryResult<Vec<OpenSession>> {
    let mut query = refresh_tokens::table
        .filter(refresh_tokens::user_id.eq(user))
        .filter(refresh_tokens::used_at.is_null())
        .filter(refresh_tokens::revoked_at.is_null())
        .filter(refresh_tokens::expires_at.gt(now))
        .order(refresh_tokens::family_id.desc())
        .limit(page.limit + 1)
        .select(OpenSession::as_select())
        .into_boxed();
    if let Some(after) = page.after {
        query = query.filter(refresh_tokens::family_id.lt(after));
    }
    query.load(conn).await
}

pub async fn forget(conn: &mut Connection, then: DateTime<Utc>) -> QueryResult<usize> {
    let expired = refresh_tokens::table.filter(refresh_tokens::expires_at.lt(then));
    diesel::delete(expired).execute(conn).await
}
