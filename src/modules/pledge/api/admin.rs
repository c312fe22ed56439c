//! Pledges for administrators.

use diesel::QueryResult;

use super::super::repo::admin;
pub use super::super::{dto::PledgeBody, repo::admin::Filter};
use crate::{
    kernel::{
        ids::PledgeId,
        page::{Page, PageRequest},
    },
    platform::postgres::Connection,
};

/// A page of pledges, newest first, with their donors' e-mail.
pub async fn list(
    conn: &mut Connection,
    filter: &Filter,
    page: &PageRequest<PledgeId>,
) -> QueryResult<Page<PledgeBody>> {
    let rows = admin::list(conn, filter, page).await?;
    let found = Page::new(rows, page.limit, |pledge| pledge.id);
    Ok(found.map(|pledge| PledgeBody::new(&pledge, true)))
}
