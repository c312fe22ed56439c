//! All of the module's Diesel.
//!
//! Whoever changes sessions locks their user first ([`lock_user_by_token`], [`lock_user`]), so that
//! no token is added to a family while the family is being revoked.

pub mod admin;
mod api_keys;
mod limits;
mod mailed;
mod sessions;
mod signing_keys;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{
    model::{Role, User},
    schema::{refresh_tokens, users},
};
use crate::{kernel::ids::UserId, platform::postgres::Connection};

pub use api_keys::{
    KeyUse, count_keys, find_key, insert_key, list_keys, note_use, revoke_key, revoke_keys,
};
pub use limits::{lock_buckets, store_buckets};
pub use mailed::{
    MailRequest, NewMailed, REQUESTED, count_since, end_all, find_link, insert_mailed,
    insert_request, owner_of, take_request, use_mailed,
};
pub use sessions::{
    NewToken, any_ended_within, ended_since, insert_token, is_open, list_open, lock_token,
    mark_used, revoke_families_but, revoke_family,
};
pub use signing_keys::{
    KeyRow, insert_signing_key, live_signing_keys, retire_others, retire_signing_key,
    revive_signing_key,
};

/// A row of `users`, about to be inserted.
#[derive(Insertable)]
#[diesel(table_name = users)]
pub struct NewUser<'a> {
    pub id: UserId,
    pub email: &'a str,
    pub password_hash: &'a str,
    pub name: &'a str,
    pub role: Role,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The user, or `None` when the e-mail has one.
pub async fn insert_user(conn: &mut Connection, user: &NewUser<'_>) -> QueryResult<Option<User>> {
    diesel::insert_into(users::table)
        .values(user)
        .on_conflict(users::email)
        .do_nothing()
        .returning(User::as_returning())
        .get_result(conn)
        .await
        .optional()
}

/// The user of this e-mail, with the hash of their password.
pub async fn find_credentials(
    conn: &mut Connection,
    email: &str,
) -> QueryResult<Option<(User, String)>> {
    users::table
        .filter(users::email.eq(email))
        .select((User::as_select(), users::password_hash))
        .first(conn)
        .await
        .optional()
}

pub async fn find_users(conn: &mut Connection, ids: &[UserId]) -> QueryResult<Vec<User>> {
    users::table.filter(users::id.eq_any(ids)).select(User::as_select()).load(conn).await
}

pub async fn find_user(conn: &mut Connection, id: UserId) -> QueryResult<Option<User>> {
    users::table.find(id).select(User::as_select()).first(conn).await.optional()
}

/// The role of a user who is not suspended, and whose session has not ended.
pub async fn find_role(
    conn: &mut Connection,
    id: UserId,
    session: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<Option<Role>> {
    users::table
        .find(id)
        .filter(users::suspended_at.is_null())
        .filter(diesel::dsl::exists(sessions::open(id, session, now)))
        .select(users::role)
        .first(conn)
        .await
        .optional()
}

/// The user, kept from changing until the transaction ends.
pub async fn lock_user(conn: &mut Connection, id: UserId) -> QueryResult<Option<User>> {
    users::table.find(id).select(User::as_select()).for_no_key_update().first(conn).await.optional()
}

/// The user to whom this refresh token was given, kept from changing until the transaction ends.
pub async fn lock_user_by_token(
    conn: &mut Connection,
    token_hash: &[u8],
) -> QueryResult<Option<User>> {
    let owner = refresh_tokens::table
        .filter(refresh_tokens::token_hash.eq(token_hash))
        .select(refresh_tokens::user_id);
    users::table
        .filter(users::id.eq_any(owner))
        .select(User::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .optional()
}

pub async fn rename_user(
    conn: &mut Connection,
    id: UserId,
    name: &str,
    now: DateTime<Utc>,
) -> QueryResult<User> {
    diesel::update(users::table.find(id))
        .set((
            users::name.eq(name),
            users::updated_at.eq(now),
            users::version.eq(users::version + 1),
        ))
        .returning(User::as_returning())
        .get_result(conn)
        .await
}

/// The user with the hash of their password, kept from changing until the transaction ends.
pub async fn lock_credentials(
    conn: &mut Connection,
    id: UserId,
) -> QueryResult<Option<(User, String)>> {
    users::table
        .find(id)
        .select((User::as_select(), users::password_hash))
        .for_no_key_update()
        .first(conn)
        .await
        .optional()
}

pub async fn set_password(
    conn: &mut Connection,
    id: UserId,
    hash: &str,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(users::table.find(id))
        .set((users::password_hash.eq(hash), users::updated_at.eq(now)))
        .execute(conn)
        .await
}

/// Notes that the user's address is theirs. `false` when that was known.
pub async fn set_verified(
    conn: &mut Connection,
    id: UserId,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let unproven = users::table.find(id).filter(users::email_verified_at.is_null());
    let proven = diesel::update(unproven).set(users::email_verified_at.eq(now));
    Ok(proven.execute(conn).await? == 1)
}

/// The user's address, and whether it is proven.
pub async fn find_address(
    conn: &mut Connection,
    id: UserId,
) -> QueryResult<Option<(String, bool)>> {
    users::table
        .find(id)
        .select((users::email, users::email_verified_at.is_not_null()))
        .first(conn)
        .await
        .optional()
}

/// Forgets what has been of no use since `then`: tokens long expired, buckets long refilled.
pub async fn forget(conn: &mut Connection, then: DateTime<Utc>) -> QueryResult<usize> {
    let tokens = sessions::forget(conn, then).await?;
    let mailed = mailed::forget(conn, then).await?;
    Ok(tokens + mailed + limits::forget(conn, then).await?)
}
