//! Campaigns for administrators: listed, suspended, compared with what others know of them.

use chrono::{DateTime, Utc};
use diesel::QueryResult;

pub use super::super::{
    dto::CampaignView,
    error::CampaignError,
    model::Status,
    repo::{ListKey, admin::Filter},
};
use super::super::{
    repo::{self, admin},
    service::{changed, show, show_page},
};
use crate::{
    kernel::{
        clock,
        ids::CampaignId,
        page::{Page, PageRequest},
    },
    modules::campaign::events::CampaignChanged,
    platform::postgres::Connection,
};

/// A page of campaigns, drafts too, newest first, with their totals.
pub async fn list(
    conn: &mut Connection,
    filter: &Filter,
    page: &PageRequest<ListKey>,
) -> Result<Page<CampaignView>, CampaignError> {
    let rows = admin::list(conn, filter, page).await?;
    let found = Page::new(rows, page.limit, |row| (row.created_at, row.id));
    show_page(conn, found, clock::now()).await
}

/// Stops a campaign's gifts, or lets them go on, and returns since when it had been suspended
/// before. In the caller's transaction; the caller wakes the bus after it. Done twice it changes
/// nothing.
///
/// # Errors
/// [`CampaignError::NotFound`].
pub async fn set_suspended(
    conn: &mut Connection,
    id: CampaignId,
    suspended: bool,
) -> Result<(CampaignView, Option<DateTime<Utc>>), CampaignError> {
    let campaign = repo::lock(conn, id).await?.ok_or(CampaignError::NotFound)?;
    let (now, before) = (clock::now(), campaign.suspended_at);
    if suspended == before.is_some() {
        return Ok((show(conn, campaign, now).await?, before));
    }
    let campaign = campaign.suspend(suspended, now);
    repo::update(conn, &campaign).await?;
    changed(conn, std::slice::from_ref(&campaign)).await?;
    Ok((show(conn, campaign, now).await?, before))
}

/// The campaign's status at this moment, held until the transaction ends.
pub async fn lock_status(conn: &mut Connection, id: CampaignId) -> QueryResult<Option<Status>> {
    let campaign = repo::lock(conn, id).await?;
    Ok(campaign.map(|campaign| campaign.gate().status_at(clock::now())))
}

/// The next campaigns by id.
pub async fn ids_after(
    conn: &mut Connection,
    after: Option<CampaignId>,
    limit: i64,
) -> QueryResult<Vec<CampaignId>> {
    admin::ids_after(conn, after, limit).await
}

/// Those of these campaigns that exist, as they announce themselves, and whether they were ever
/// published.
pub async fn announced(
    conn: &mut Connection,
    ids: &[CampaignId],
) -> QueryResult<Vec<(CampaignChanged, bool)>> {
    let found = admin::find_many(conn, ids).await?;
    Ok(found.iter().map(|campaign| (campaign.into(), campaign.is_public())).collect())
}
