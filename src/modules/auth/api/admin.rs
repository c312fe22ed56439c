//! What administrators do to users. Everything runs in the caller's transaction, which records it.
//!
//! Nobody acts upon themselves, and whoever acts is found to be an administrator under the lock of
//! all administrators. So one always remains.

use chrono::{DateTime, Utc};

pub use super::super::repo::admin::{Standing, UserFilter};
use super::{
    super::{
        model::{Role, User},
        repo::{self, admin},
    },
    AuthError,
};
use crate::{
    kernel::{clock, ids::UserId, page::PageRequest},
    platform::postgres::Connection,
};

/// Why an administrator may not do this.
#[derive(Debug, thiserror::Error)]
pub enum AdminRefusal {
    #[error("no user has this id")]
    NotFound,
    #[error("nobody changes their own role or suspends themselves; ask another administrator")]
    Oneself,
    /// Demoted or suspended a moment ago.
    #[error("only for administrators")]
    NoLongerAdmin,
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
}

/// What to make of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Role(Role),
    Suspend,
    Unsuspend,
}

/// One more than a page of users, newest first.
pub async fn list_users(
    conn: &mut Connection,
    filter: &UserFilter,
    page: &PageRequest<UserId>,
) -> diesel::QueryResult<Vec<Standing>> {
    admin::list_users(conn, filter, page).await
}

/// Carries out an act and ends the user's sessions; returns the user as they were and as they are.
/// What is so already stays as it is.
pub async fn act(
    conn: &mut Connection,
    actor: UserId,
    id: UserId,
    act: Act,
) -> Result<(Standing, Standing), AdminRefusal> {
    if actor == id {
        return Err(AdminRefusal::Oneself);
    }
    let locked = admin::lock_with_admins(conn, id).await?;
    if !locked.iter().any(|standing| is_active_admin(standing) && standing.0.id == actor) {
        return Err(AdminRefusal::NoLongerAdmin);
    }
    let before = locked.into_iter().find(|(user, _)| user.id == id);
    let before = before.ok_or(AdminRefusal::NotFound)?;
    let now = clock::now();
    let after = match (act, before.1) {
        (Act::Role(role), _) if before.0.role != role => {
            admin::set_role(conn, id, role, now).await?
        }
        (Act::Suspend, None) => admin::set_suspended(conn, id, Some(now), now).await?,
        (Act::Unsuspend, Some(_)) => admin::set_suspended(conn, id, None, now).await?,
        _ => return Ok((before.clone(), before)),
    };
    admin::revoke_all(conn, id, now).await?;
    Ok((before, after))
}

fn is_active_admin((user, suspended_at): &(User, Option<DateTime<Utc>>)) -> bool {
    user.role == Role::Admin && suspended_at.is_none()
}

/// Refuses a sign-in of a suspended user, whose password was right.
///
/// # Errors
/// [`AuthError::Suspended`].
pub(in crate::modules::auth) async fn admit(
    conn: &mut Connection,
    id: UserId,
) -> Result<(), AuthError> {
    let admitted = repo::admin::hold_unsuspended(conn, id).await?;
    if admitted { Ok(()) } else { Err(AuthError::Suspended) }
}
