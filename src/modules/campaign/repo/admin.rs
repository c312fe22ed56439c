//! Campaigns as administrators list them, and in the order of their ids.

use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, QueryResult, SelectableHelper};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{ListKey, dsl};
use crate::{
    kernel::{
        ids::{CampaignId, UserId},
        page::PageRequest,
        period::Period,
    },
    modules::campaign::model::{Campaign, Status},
    platform::postgres::Connection,
};

/// Which campaigns a list holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// As it was last written down.
    pub status: Option<Status>,
    pub owner: Option<UserId>,
    pub period: Period,
}

pub async fn ids_after(
    conn: &mut Connection,
    after: Option<CampaignId>,
    limit: i64,
) -> QueryResult<Vec<CampaignId>> {
    dsl::campaigns
        .filter(dsl::id.gt(after.unwrap_or(CampaignId(Uuid::nil()))))
        .order(dsl::id)
        .limit(limit)
        .select(dsl::id)
        .load(conn)
        .await
}

pub async fn find_many(conn: &mut Connection, ids: &[CampaignId]) -> QueryResult<Vec<Campaign>> {
    dsl::campaigns.filter(dsl::id.eq_any(ids)).select(Campaign::as_select()).load(conn).await
}

/// One more than a page of campaigns, drafts too, newest first.
pub async fn list(
    conn: &mut Connection,
    filter: &Filter,
    page: &PageRequest<ListKey>,
) -> QueryResult<Vec<Campaign>> {
    let mut query = dsl::campaigns
        .select(Campaign::as_select())
        .into_boxed()
        .order((dsl::created_at.desc(), dsl::id.desc()))
        .limit(page.limit + 1);
    if let Some(status) = filter.status {
        query = query.filter(dsl::status.eq(status));
    }
    if let Some(owner) = filter.owner {
        query = query.filter(dsl::owner_id.eq(owner));
    }
    if let Some(from) = filter.period.from {
        query = query.filter(dsl::created_at.ge(from));
    }
    if let Some(to) = filter.period.to {
        query = query.filter(dsl::created_at.lt(to));
    }
    if let Some((at, id)) = page.after {
        // the first condition bounds the index scan
        query =
            query.filter(dsl::created_at.le(at)).filter(dsl::created_at.lt(at).or(dsl::id.lt(id)));
    }
    query.load(conn).await
}
