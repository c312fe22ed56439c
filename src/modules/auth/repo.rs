//! All of the module's Diesel.
//!
//! Whoever changes sessions locks their user first ([`lock_user_by_token`], [`lock_user`]), so that
//! no token is added to a family while the family is being revoked.

pub mod admin;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{
    model::{Role, StoredToken, User},
    schema::{refresh_tokens, users},
};
use crate::{kernel::ids::UserId, platform::postgres::Connection};

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

/// The role of a user who is not suspended.
pub async fn find_role(conn: &mut Connection, id: UserId) -> QueryResult<Option<Role>> {
    let active = users::table.find(id).filter(users::suspended_at.is_null());
    active.select(users::role).first(conn).await.optional()
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
