//! What other modules may ask: who calls, and what is known of a user.
//!
//! A handler takes [`Caller`] when guests are welcome, [`SignedIn`] when an account is needed,
//! [`SessionHolder`] when its owner must be there in person, and [`Admin`] for administrators.

pub mod admin;
mod caller;
mod credential;
mod history;

use std::collections::HashMap;

use diesel::QueryResult;

use super::{model::Registration, password::Passwords, repo, service::create_user};
use crate::{
    kernel::{clock, ids::UserId},
    platform::{
        audit::Author,
        postgres::{Connection, Database},
    },
};

pub use super::{
    error::AuthError,
    keys::{KeyInfo, KeyState, list_keys, revoke_key, rotate_keys},
    model::{Role, User},
    service::EndedSessions,
    tokens::GuestTokens,
};
pub use caller::{Admin, Caller, SessionHolder, SignedIn};
pub use credential::identify;
pub use history::{GuestGifts, History, HistoryReader};

/// Whether this is an administrator, now: roles are never read from a token. In person, in a session
/// that has not ended; a key that leaks must not open more than its user's own.
pub async fn is_admin(conn: &mut Connection, caller: Caller) -> QueryResult<bool> {
    let Caller::User { user_id, session_id } = caller else { return Ok(false) };
    let role = repo::find_role(conn, user_id, session_id, clock::now()).await?;
    Ok(role == Some(Role::Admin))
}

/// The user's address, if it is proven to be theirs.
pub async fn proven_address(conn: &mut Connection, user: UserId) -> QueryResult<Option<String>> {
    let found = repo::find_address(conn, user).await?;
    Ok(found.and_then(|(email, proven)| proven.then_some(email)))
}

/// The user, or `None` when the account is gone.
pub async fn find_user(conn: &mut Connection, user: UserId) -> QueryResult<Option<User>> {
    repo::find_user(conn, user).await
}

/// Those of the users that exist, in one query.
pub async fn find_users(
    conn: &mut Connection,
    users: &[UserId],
) -> QueryResult<HashMap<UserId, User>> {
    let found = repo::find_users(conn, users).await?;
    Ok(found.into_iter().map(|user| (user.id, user)).collect())
}

/// Makes an administrator, for the command line, with a row in the audit log. Without a name it is
/// `Administrator`.
///
/// # Errors
/// [`AuthError::Invalid`] names what is out of form; [`AuthError::EmailTaken`] when there is an
/// account: an existing one is never promoted from here.
pub async fn create_admin(
    database: &Database,
    author: &Author,
    email: &str,
    name: Option<&str>,
    password: &str,
) -> Result<User, AuthError> {
    let who = Registration::parse(email, password, name.unwrap_or("Administrator"))
        .map_err(|problem| AuthError::Invalid(problem.errors))?;
    create_user(database, &Passwords::default(), who, Role::Admin, Some(author)).await
}

/// The account with this e-mail; without one it is made, with a password that nobody knows. For
/// the owner of demonstrations.
///
/// # Errors
/// [`AuthError::Invalid`] when the e-mail or the name is out of form.
pub async fn ensure_user(
    database: &Database,
    email: &str,
    name: &str,
) -> Result<UserId, AuthError> {
    let mut conn = database.conn().await?;
    if let Some((user, _)) = repo::find_credentials(&mut conn, email).await? {
        return Ok(user.id);
    }
    drop(conn);
    let password = hex::encode(rand::random::<[u8; 32]>());
    let who = Registration::parse(email, &password, name)
        .map_err(|problem| AuthError::Invalid(problem.errors))?;
    Ok(create_user(database, &Passwords::default(), who, Role::Donor, None).await?.id)
}
