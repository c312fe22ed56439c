//! Comparing how far campaigns are taken to be funded with their totals.

use diesel::QueryResult;

use super::super::{consumers, repo::funding};
use crate::{
    kernel::{drift::Drift, ids::CampaignId},
    modules::totals::events::TotalsChanged,
    platform::postgres::Connection,
};

/// The consumer that follows the totals: what it has not consumed yet explains a difference.
pub const CONSUMER: &str = consumers::NAME;

/// Campaigns that are listed as funded otherwise than these totals say.
pub async fn compare_funding(
    conn: &mut Connection,
    totals: &[TotalsChanged],
) -> QueryResult<Vec<Drift>> {
    let ids: Vec<CampaignId> = totals.iter().map(|t| t.campaign_id).collect();
    let stored = funding::stored(conn, &ids).await?;
    let drift = |t: &TotalsChanged| {
        let (own, stored) = (t.funded_ppm(), stored.get(&t.campaign_id));
        let detail = format!("funded are {own} millionths, listed {stored:?}");
        let drift = Drift::new("campaign_funding", detail).of(t.campaign_id, t.campaign_id);
        (stored != Some(&own)).then_some(drift)
    };
    Ok(totals.iter().filter_map(drift).collect())
}

/// Lists campaigns as these totals say, which are locked and exist.
pub async fn mend_funding(conn: &mut Connection, totals: &[TotalsChanged]) -> QueryResult<()> {
    funding::overwrite(conn, totals).await
}
