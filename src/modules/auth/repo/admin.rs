//! Users as administrators see them: listed, promoted, suspended.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{refresh_tokens, users};
use crate::{
    kernel::{ids::UserId, page::PageRequest, period::Period},
    modules::auth::model::{Role, User},
    platform::postgres::Connection,
};

/// Which users a list holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct UserFilter {
    pub suspended: Option<bool>,
    pub user_id: Option<UserId>,
    pub period: Period,
}

/// A user, and since when they are suspended.
pub type Standing = (User, Option<DateTime<Utc>>);

/// One more than a page of users, newest first.
pub async fn list_users(
    conn: &mut Connection,
    filter: &UserFilter,
    page: &PageRequest<UserId>,
) -> QueryResult<Vec<Standing>> {
    let period = filter.period;
    let mut query = users::table
        .filter(users::id.between(period.lowest_id(), period.highest_id()))
        .select((User::as_select(), users::suspended_at))
        .order(users::id.desc())
        .limit(page.limit + 1)
        .into_boxed();
    query = match filter.suspended {
        None => query,
        Some(true) => query.filter(users::suspended_at.is_not_null()),
        Some(false) => query.filter(users::suspended_at.is_null()),
    };
    if let Some(id) = filter.user_id {
        query = query.filter(users::id.eq(id));
    }
    if let Some(from) = period.from {
        query = query.filter(users::created_at.ge(from));
    }
    if let Some(to) = period.to {
        query = query.filter(users::created_at.lt(to));
    }
    if let Some(last) = page.after {
        query = query.filter(users::id.lt(last));
    }
    query.load(conn).await
}

/// Locks the user and all administrators, in the order of their ids, until the transaction ends.
pub async fn lock_with_admins(conn: &mut Connection, id: UserId) -> QueryResult<Vec<Standing>> {
    users::table
        .filter(users::id.eq(id).or(users::role.eq(Role::Admin)))
        .order(users::id)
        .select((User::as_select(), users::suspended_at))
        .for_no_key_update()
        .load(conn)
        .await
}

pub async fn set_role(
    conn: &mut Connection,
    id: UserId,
    role: Role,
    now: DateTime<Utc>,
) -> QueryResult<Standing> {
    diesel::update(users::table.find(id))
        .set((
            users::role.eq(role),
            users::updated_at.eq(now),
            users::version.eq(users::version + 1),
        ))
        .returning((User::as_returning(), users::suspended_at))
        .get_result(conn)
        .await
}

pub async fn set_suspended(
    conn: &mut Connection,
    id: UserId,
    since: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> QueryResult<Standing> {
    diesel::update(users::table.find(id))
        .set((
            users::suspended_at.eq(since),
            users::updated_at.eq(now),
            users::version.eq(users::version + 1),
        ))
        .returning((User::as_returning(), users::suspended_at))
        .get_result(conn)
        .await
}

/// Ends all sessions of a user whose row is locked.
pub async fn revoke_all(
    conn: &mut Connection,
    id: UserId,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    let live = refresh_tokens::table
        .filter(refresh_tokens::user_id.eq(id))
        .filter(refresh_tokens::revoked_at.is_null());
    diesel::update(live).set(refresh_tokens::revoked_at.eq(now)).execute(conn).await
}

/// Whether the user is suspended; `false` where there is none. The row is held until the
/// transaction ends, so that no suspension overtakes what the caller is about to allow.
pub async fn hold_unsuspended(conn: &mut Connection, id: UserId) -> QueryResult<bool> {
    let user = users::table.find(id).filter(users::suspended_at.is_null()).select(users::id);
    let held: Option<Uuid> = user.for_no_key_update().first(conn).await.optional()?;
    Ok(held.is_some())
}
