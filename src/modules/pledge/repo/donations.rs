//! What a campaign shows of what was given to it.

use chrono::{DateTime, Utc};
use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, QueryResult, SelectableHelper};
use diesel_async::RunQueryDsl;

use super::super::{
    model::Pledge,
    schema::pledges::{self, dsl},
};
use crate::{
    kernel::{
        ids::{CampaignId, PledgeId},
        page::PageRequest,
    },
    platform::postgres::Connection,
};

/// The place of a donation in its campaign's list. It never changes.
pub type DonationKey = (DateTime<Utc>, PledgeId);

/// One more than a page of the gifts that were ever captured, newest first. Only the index
/// `pledges_donations` is walked.
pub async fn list_donations(
    conn: &mut Connection,
    campaign: CampaignId,
    page: &PageRequest<DonationKey>,
) -> QueryResult<Vec<Pledge>> {
    let mut query = pledges::table
        .filter(dsl::campaign_id.eq(campaign))
        .filter(dsl::captured_at.is_not_null())
        .order((dsl::captured_at.desc(), dsl::id.desc()))
        .limit(page.limit + 1)
        .select(Pledge::as_select())
        .into_boxed();
    if let Some((at, id)) = page.after {
        // the first condition bounds the index scan
        query = query
            .filter(dsl::captured_at.le(at))
            .filter(dsl::captured_at.lt(at).or(dsl::id.lt(id)));
    }
    query.load(conn).await
}
