//! Who has given what.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, QueryDsl, QueryResult, SelectableHelper, dsl::exists,
    select,
};
use diesel_async::RunQueryDsl;

use super::super::{
    model::Pledge,
    schema::pledges::{self, dsl},
};
use crate::{
    kernel::{email::Email, ids::PledgeId, page::PageRequest},
    modules::auth::api::History,
    platform::postgres::Connection,
};

/// What belongs to a history, newest first; one more than asked for. The two kinds of gifts are
/// read each by its own index and merged here, so that a page costs the same at any depth.
pub async fn list_given(
    conn: &mut Connection,
    whose: &History,
    page: &PageRequest<PledgeId>,
) -> QueryResult<Vec<Pledge>> {
    let newest = || {
        let query = pledges::table.order(dsl::id.desc()).limit(page.limit + 1);
        let query = query.select(Pledge::as_select()).into_boxed();
        match page.after {
            Some(after) => query.filter(dsl::id.lt(after)),
            None => query,
        }
    };
    let mut found = Vec::new();
    if let Some(user) = whose.user {
        found.extend(newest().filter(dsl::user_id.eq(user)).load(conn).await?);
    }
    if let Some(email) = &whose.guest {
        let guest = dsl::donor_email.eq(email.as_str()).and(dsl::user_id.is_null());
        found.extend(newest().filter(guest).load(conn).await?);
    }
    found.sort_unstable_by_key(|pledge: &Pledge| std::cmp::Reverse(pledge.id));
    found.truncate(usize::try_from(page.limit).unwrap_or(0) + 1);
    Ok(found)
}

/// Was something given under this address without an account?
pub async fn has_given(conn: &mut Connection, email: &Email) -> QueryResult<bool> {
    let gifts =
        pledges::table.filter(dsl::donor_email.eq(email.as_str())).filter(dsl::user_id.is_null());
    select(exists(gifts)).get_result(conn).await
}
