//! Pledges as administrators list them.

use diesel::{ExpressionMethods, QueryDsl, QueryResult, SelectableHelper};
use diesel_async::RunQueryDsl;

use super::super::{
    model::Pledge,
    schema::pledges::{self, dsl},
};
use crate::{
    kernel::{
        ids::{CampaignId, PledgeId, UserId},
        page::PageRequest,
        period::Period,
    },
    platform::postgres::Connection,
};

/// Which pledges a list holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    pub status: Option<&'static str>,
    pub campaign_id: Option<CampaignId>,
    pub user_id: Option<UserId>,
    pub period: Period,
}

/// One more than a page of pledges, newest first.
pub async fn list(
    conn: &mut Connection,
    filter: &Filter,
    page: &PageRequest<PledgeId>,
) -> QueryResult<Vec<Pledge>> {
    let period = filter.period;
    let mut query = pledges::table
        .filter(dsl::id.between(period.lowest_id(), period.highest_id()))
        .select(Pledge::as_select())
        .order(dsl::id.desc())
        .limit(page.limit + 1)
        .into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(dsl::status.eq(status));
    }
    if let Some(campaign) = filter.campaign_id {
        query = query.filter(dsl::campaign_id.eq(campaign));
    }
    if let Some(user) = filter.user_id {
        query = query.filter(dsl::user_id.eq(user));
    }
    if let Some(from) = period.from {
        query = query.filter(dsl::created_at.ge(from));
    }
    if let Some(to) = period.to {
        query = query.filter(dsl::created_at.lt(to));
    }
    if let Some(last) = page.after {
        query = query.filter(dsl::id.lt(last));
    }
    query.load(conn).await
}
