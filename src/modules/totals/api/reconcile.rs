//! Comparing the totals with what they are made of, and making them anew while gifts go on.

use diesel::QueryResult;

pub use super::super::repo::reconcile::{
    Raised, campaigns_after, contributions_after, pledges_after, raised,
};
use super::super::{
    announce,
    consumers::donors,
    events::TotalsChanged,
    repo::{self, Facts, reconcile as books},
};
use crate::{
    kernel::{
        drift::Drift,
        ids::{CampaignId, PaymentId, PledgeId},
    },
    modules::{
        campaign::events::CampaignChanged, payment::events::PaymentChanged,
        pledge::events::PledgeChanged,
    },
    platform::postgres::Connection,
};

/// The consumer that keeps the totals: what it has not consumed yet explains a difference.
pub const CONSUMER: &str = "totals";

/// Payments that are not counted as they are.
pub async fn compare_payments(
    conn: &mut Connection,
    payments: &[PaymentChanged],
) -> QueryResult<Vec<Drift>> {
    let ids: Vec<PaymentId> = payments.iter().map(|p| p.payment_id).collect();
    let stored = books::contributions(conn, &ids).await?;
    let differs = |p: &&PaymentChanged| match stored.get(&p.payment_id) {
        // what never captured anything leaves no row
        None => p.captured_minor > 0,
        Some(counted) => *counted != expected(p),
    };
    let drift = |p: &PaymentChanged| {
        let stored = stored.get(&p.payment_id);
        let detail = format!("the payment is {:?}, counted is {stored:?}", expected(p));
        Drift::new("contribution_payment", detail).of(p.campaign_id, p.payment_id)
    };
    Ok(payments.iter().filter(differs).map(drift).collect())
}

fn expected(p: &PaymentChanged) -> books::Contributed {
    (p.campaign_id, p.pledge_id, p.version, [p.captured_minor, p.refunded_minor, p.disputed_minor])
}

/// Pledges that are not counted as they are.
pub async fn compare_pledges(
    conn: &mut Connection,
    pledges: &[PledgeChanged],
) -> QueryResult<Vec<Drift>> {
    let ids: Vec<PledgeId> = pledges.iter().map(|p| p.pledge_id).collect();
    let stored = books::pledge_contributions(conn, &ids).await?;
    let expected = |p: &PledgeChanged| (p.campaign_id, p.version, p.counted_minor);
    let drift = |p: &PledgeChanged| {
        let stored = stored.get(&p.pledge_id);
        let detail = format!("the pledge is {:?}, counted is {stored:?}", expected(p));
        Drift::new("contribution_pledge", detail).of(p.campaign_id, p.pledge_id)
    };
    let differs = |p: &&PledgeChanged| stored.get(&p.pledge_id) != Some(&expected(p));
    Ok(pledges.iter().filter(differs).map(drift).collect())
}

/// Campaigns, and whether they were ever published, whose totals repeat another goal or currency, or
/// are seen although they should not be, or not although they should.
pub async fn compare_terms(
    conn: &mut Connection,
    campaigns: &[(CampaignChanged, bool)],
) -> QueryResult<Vec<Drift>> {
    let ids: Vec<CampaignId> = campaigns.iter().map(|(c, _)| c.campaign_id).collect();
    let stored = books::terms(conn, &ids).await?;
    let drift = |(c, published): &(CampaignChanged, bool)| {
        let own = (c.goal_minor, c.currency, *published);
        let stored = stored.get(&c.campaign_id);
        let detail = format!("the campaign is {own:?}, its totals say {stored:?}");
        let drift = Drift::new("totals_terms", detail).of(c.campaign_id, c.campaign_id);
        (stored != Some(&own)).then_some(drift)
    };
    Ok(campaigns.iter().filter_map(drift).collect())
}

/// Campaigns whose totals are not the sum of what is counted. No event explains that.
pub async fn compare_sums(
    conn: &mut Connection,
    campaigns: &[CampaignId],
) -> QueryResult<Vec<Drift>> {
    const CHECKS: [&str; 4] =
        ["totals_contribution", "totals_pledged", "totals_gifts", "totals_donors"];
    let found = books::unequal(conn, campaigns).await?;
    let drift = |row: books::Unequal| {
        let check = CHECKS.into_iter().find(|name| *name == row.check).unwrap_or("totals");
        Drift::new(check, row.detail).of(row.campaign_id, row.campaign_id)
    };
    Ok(found.into_iter().map(drift).collect())
}

/// Begins to count a campaign anew: locks its totals against everybody else who counts, and
/// forgets what was counted. Readers see the old totals until the transaction ends.
pub async fn begin_rebuild(
    conn: &mut Connection,
    terms: &CampaignChanged,
    published: bool,
) -> QueryResult<()> {
    let id = terms.campaign_id;
    if repo::lock(conn, &[id]).await?.is_empty() {
        repo::insert(conn, id, terms.currency, terms.goal_minor).await?;
    }
    books::clear(conn, id, (terms.goal_minor, terms.currency, published)).await
}

/// Counts these payments and pledges of the campaign, as they are now. An older event about one of
/// them that is consumed later changes nothing, a newer one does: no word is lost or counted twice.
pub async fn rebuild_with(
    conn: &mut Connection,
    payments: &[PaymentChanged],
    pledges: &[PledgeChanged],
) -> anyhow::Result<()> {
    let payment_ids: Vec<PaymentId> = payments.iter().map(|p| p.payment_id).collect();
    let pledge_ids: Vec<PledgeId> = pledges.iter().map(|p| p.pledge_id).collect();
    books::forget(conn, &payment_ids, &pledge_ids).await?;
    let payments: Vec<&PaymentChanged> = payments.iter().collect();
    let pledges: Vec<&PledgeChanged> = pledges.iter().collect();
    let facts = Facts { payments: &payments, donors: donors(&payments)?, pledges: &pledges };
    repo::apply(conn, facts, &[]).await?;
    Ok(())
}

/// Ends what [`begin_rebuild`] has begun: the new totals are announced.
pub async fn finish_rebuild(conn: &mut Connection, id: CampaignId) -> anyhow::Result<()> {
    let totals = repo::find(conn, id).await?;
    announce::changed(conn, totals.into_iter().collect()).await
}

/// These campaigns' totals, as they would be announced.
pub async fn announced(
    conn: &mut Connection,
    ids: &[CampaignId],
) -> QueryResult<Vec<TotalsChanged>> {
    let rows = repo::for_campaigns(conn, ids).await?;
    Ok(rows.values().map(TotalsChanged::from).collect())
}

/// The same, held as they are until the transaction ends.
pub async fn lock_announced(
    conn: &mut Connection,
    ids: &[CampaignId],
) -> QueryResult<Vec<TotalsChanged>> {
    repo::lock(conn, ids).await?;
    announced(conn, ids).await
}
