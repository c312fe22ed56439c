//! All SQL of the campaigns.

pub mod admin;
pub mod funding;
mod listing;

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, Queryable, Selectable,
    SelectableHelper,
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
    },
    platform::postgres::Connection,
};

pub use listing::{ListFilter, Viewer, list};

/// The place of a campaign in the administrators' list, newest first.
pub type ListKey = (DateTime<Utc>, CampaignId);

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

/// What the lookout asks: has any campaign that is not ended reached its end?
pub const END_DUE: &str = "\
    SELECT 1 FROM campaign.campaigns \
    WHERE status IN ('active', 'paused') AND coalesce(ends_at, 'infinity') <= now()";

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
