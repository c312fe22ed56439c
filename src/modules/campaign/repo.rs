//! All SQL of the campaigns.

pub mod admin;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, Queryable,
    Selectable, SelectableHelper, pg::Pg,
};
use diesel_async::RunQueryDsl;

use super::{
    model::{Campaign, Gate, Status},
    schema::campaigns::{self, dsl},
};
use crate::{
    kernel::{
        ids::{CampaignId, UserId},
        money::Currency,
        page::PageRequest,
    },
    platform::postgres::Connection,
};

/// The place of a campaign in the lists, newest first.
pub type ListKey = (DateTime<Utc>, CampaignId);

/// Whose eyes a list is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer {
    Public,
    /// Sees their own drafts too.
    User(UserId),
    /// Sees everything.
    Admin,
}

/// Which campaigns a list holds.
#[derive(Debug, Clone)]
pub struct ListFilter {
    pub viewer: Viewer,
    /// As it is at `now`.
    pub status: Option<Status>,
    pub category: Option<String>,
    pub now: DateTime<Utc>,
}

/// What gifts have to know of their campaign.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = campaigns)]
pub struct TermsRow {
    pub id: CampaignId,
    pub owner_id: UserId,
    pub currency: Currency,
    pub goal_minor: i64,
    pub allow_overfunding: bool,
    pub published_at: Option<DateTime<Utc>>,
    pub version: i64,
    #[diesel(embed)]
    pub gate: Gate,
}

pub async fn insert(conn: &mut Connection, campaign: &Campaign) -> QueryResult<()> {
    diesel::insert_into(dsl::campaigns).values(campaign).execute(conn).await.map(drop)
}

/// Writes all of a campaign that [`lock`] has locked.
pub async fn update(conn: &mut Connection, campaign: &Campaign) -> QueryResult<()> {
    diesel::update(dsl::campaigns.find(campaign.id)).set(campaign).execute(conn).await.map(drop)
}

pub async fn find(conn: &mut Connection, id: CampaignId) -> QueryResult<Option<Campaign>> {
    dsl::campaigns.find(id).select(Campaign::as_select()).first(conn).await.optional()
}

/// Reads a campaign for changing it: gifts and other changes wait until the transaction ends.
pub async fn lock(conn: &mut Connection, id: CampaignId) -> QueryResult<Option<Campaign>> {
    let query = dsl::campaigns.find(id).select(Campaign::as_select()).for_no_key_update();
    query.first(conn).await.optional()
}

pub async fn terms(conn: &mut Connection, ids: &[CampaignId]) -> QueryResult<Vec<TermsRow>> {
    dsl::campaigns.filter(dsl::id.eq_any(ids)).select(TermsRow::as_select()).load(conn).await
}

/// Holds these campaigns as they are until the transaction ends, locked in ascending order.
pub async fn lock_terms(conn: &mut Connection, ids: &[CampaignId]) -> QueryResult<Vec<TermsRow>> {
    dsl::campaigns
        .filter(dsl::id.eq_any(ids))
        .order(dsl::id)
        .select(TermsRow::as_select())
        .for_share()
        .load(conn)
        .await
}

/// An active campaign of this owner, the oldest.
pub async fn active_of(conn: &mut Connection, owner: UserId) -> QueryResult<Option<CampaignId>> {
    dsl::campaigns
        .filter(dsl::owner_id.eq(owner))
        .filter(dsl::status.eq(Status::Active))
        .order(dsl::id)
        .select(dsl::id)
        .first(conn)
        .await
        .optional()
}

pub async fn titles(
    conn: &mut Connection,
    ids: &[CampaignId],
) -> QueryResult<Vec<(CampaignId, String)>> {
    dsl::campaigns.filter(dsl::id.eq_any(ids)).select((dsl::id, dsl::title)).load(conn).await
}

pub async fn owner_of(conn: &mut Connection, id: CampaignId) -> QueryResult<Option<UserId>> {
    dsl::campaigns.find(id).select(dsl::owner_id).first(conn).await.optional()
}

/// Ends, as their next version, some campaigns whose end has passed and which nobody else is
/// changing.
pub async fn end_due(
    conn: &mut Connection,
    now: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<Campaign>> {
    let due: Vec<CampaignId> = dsl::campaigns
        .filter(dsl::status.eq_any([Status::Active, Status::Paused]))
        .filter(dsl::ends_at.le(now))
        .order(dsl::ends_at)
        .limit(limit)
        .select(dsl::id)
        .for_no_key_update()
        .skip_locked()
        .load(conn)
        .await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    diesel::update(dsl::campaigns.filter(dsl::id.eq_any(due)))
        .set((
            dsl::status.eq(Status::Ended),
            dsl::version.eq(dsl::version + 1),
            dsl::updated_at.eq(now),
        ))
        .returning(Campaign::as_returning())
        .get_results(conn)
        .await
}

/// One more than a page of campaigns, newest first.
pub async fn list(
    conn: &mut Connection,
    filter: &ListFilter,
    page: &PageRequest<ListKey>,
) -> QueryResult<Vec<Campaign>> {
    if filter.status != Some(Status::Ended) {
        return select(filter, page, false).load(conn).await;
    }
    // Ended by the clock and not yet written down: few, and read first, so that one which is
    // being written down meanwhile is met twice rather than not at all.
    let mut found: Vec<Campaign> = select(filter, page, true).load(conn).await?;
    found.extend(select(filter, page, false).load::<Campaign>(conn).await?);
    let mut seen = HashSet::new();
    found.reverse();
    found.retain(|campaign| seen.insert(campaign.id));
    found.sort_by_key(|campaign| std::cmp::Reverse((campaign.created_at, campaign.id)));
    found.truncate(usize::try_from(page.limit + 1).unwrap_or(0));
    Ok(found)
}

type Selected = diesel::helper_types::IntoBoxed<
    'static,
    diesel::helper_types::Select<dsl::campaigns, diesel::helper_types::AsSelect<Campaign, Pg>>,
    Pg,
>;

fn select(filter: &ListFilter, page: &PageRequest<ListKey>, due: bool) -> Selected {
    let running = [Status::Active, Status::Paused];
    let mut query = dsl::campaigns
        .select(Campaign::as_select())
        .into_boxed()
        .order((dsl::created_at.desc(), dsl::id.desc()))
        .limit(page.limit + 1);
    query = match (filter.viewer, filter.status) {
        (Viewer::Admin, _) => query,
        (Viewer::User(user), Some(Status::Draft)) => query.filter(dsl::owner_id.eq(user)),
        (Viewer::User(user), _) => {
            query.filter(dsl::published_at.is_not_null().or(dsl::owner_id.eq(user)))
        }
        (Viewer::Public, _) => query.filter(dsl::published_at.is_not_null()),
    };
    query = match filter.status {
        None => query,
        Some(_) if due => {
            query.filter(dsl::status.eq_any(running)).filter(dsl::ends_at.le(filter.now))
        }
        Some(status) if running.contains(&status) => query
            .filter(dsl::status.eq(status))
            .filter(dsl::ends_at.is_null().or(dsl::ends_at.gt(filter.now))),
        Some(status) => query.filter(dsl::status.eq(status)),
    };
    if let Some(category) = &filter.category {
        query = query.filter(dsl::category.eq(category.clone()));
    }
    if let Some((at, id)) = page.after {
        // the first condition bounds the index scan
        query =
            query.filter(dsl::created_at.le(at)).filter(dsl::created_at.lt(at).or(dsl::id.lt(id)));
    }
    query
}
