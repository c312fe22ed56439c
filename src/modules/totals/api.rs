//! What other modules may ask of totals.

pub mod reconcile;

use std::collections::HashMap;

use diesel::QueryResult;

pub use super::dto::{Source, TotalsView};
use super::repo;
use crate::{
    kernel::{clock, ids::CampaignId, money::Currency},
    platform::postgres::Connection,
};

/// Makes the zero row, in the transaction that creates the campaign at version 1. Nobody sees it
/// before [`publish`].
pub async fn open(
    conn: &mut Connection,
    campaign_id: CampaignId,
    currency: Currency,
    goal_minor: i64,
) -> QueryResult<()> {
    repo::insert(conn, campaign_id, currency, goal_minor).await
}

/// Lets everybody see the totals, in the transaction that publishes the campaign.
pub async fn publish(conn: &mut Connection, campaign_id: CampaignId) -> QueryResult<()> {
    repo::publish(conn, campaign_id).await
}

/// The totals of these campaigns, drafts too, in one query past all caches: to be embedded by
/// whoever has decided that the campaigns may be seen.
pub async fn for_campaigns(
    conn: &mut Connection,
    ids: &[CampaignId],
) -> QueryResult<HashMap<CampaignId, TotalsView>> {
    let as_of = clock::now();
    let found = repo::for_campaigns(conn, ids).await?;
    Ok(found
        .into_iter()
        .map(|(id, totals)| (id, TotalsView::new(&totals, as_of, Source::ReadModel)))
        .collect())
}
