//! The read model beside what it is made of, and making it anew.

use std::collections::HashMap;

use diesel::{
    ExpressionMethods, QueryDsl, QueryResult, QueryableByName, sql_query,
    sql_types::{Array, BigInt, Text, Uuid},
};
use diesel_async::RunQueryDsl;

use super::super::schema::{campaign_totals, contribution, donor, gift, pledge_contribution};
use crate::{
    kernel::{
        clock,
        ids::{CampaignId, PaymentId, PledgeId},
        money::Currency,
    },
    platform::postgres::Connection,
};

/// Campaign, pledge, version, and what it adds: captured, refunded, disputed.
pub type Contributed = (CampaignId, PledgeId, i64, [i64; 3]);

/// What is stored of these payments.
pub async fn contributions(
    conn: &mut Connection,
    ids: &[PaymentId],
) -> QueryResult<HashMap<PaymentId, Contributed>> {
    type Row = (PaymentId, CampaignId, PledgeId, i64, i64, i64, i64);
    let rows: Vec<Row> =
        contribution::table.filter(contribution::payment_id.eq_any(ids)).load(conn).await?;
    let row = |(id, campaign, pledge, version, c, r, d): Row| {
        (id, (campaign, pledge, version, [c, r, d]))
    };
    Ok(rows.into_iter().map(row).collect())
}

/// Campaign, version and counted amount of what is stored of these pledges.
pub async fn pledge_contributions(
    conn: &mut Connection,
    ids: &[PledgeId],
) -> QueryResult<HashMap<PledgeId, (CampaignId, i64, i64)>> {
    type Row = (PledgeId, CampaignId, i64, i64);
    let stored = pledge_contribution::table.filter(pledge_contribution::pledge_id.eq_any(ids));
    let rows: Vec<Row> = stored.load(conn).await?;
    Ok(rows.into_iter().map(|(id, campaign, v, counted)| (id, (campaign, v, counted))).collect())
}

/// The next payments that are counted, by id.
pub async fn contributions_after(
    conn: &mut Connection,
    after: Option<PaymentId>,
    limit: i64,
) -> QueryResult<Vec<(PaymentId, CampaignId)>> {
    contribution::table
        .filter(contribution::payment_id.gt(after.unwrap_or(PaymentId(uuid::Uuid::nil()))))
        .order(contribution::payment_id)
        .limit(limit)
        .select((contribution::payment_id, contribution::campaign_id))
        .load(conn)
        .await
}

/// The next pledges that are counted, by id.
pub async fn pledges_after(
    conn: &mut Connection,
    after: Option<PledgeId>,
    limit: i64,
) -> QueryResult<Vec<(PledgeId, CampaignId)>> {
    pledge_contribution::table
        .filter(pledge_contribution::pledge_id.gt(after.unwrap_or(PledgeId(uuid::Uuid::nil()))))
        .order(pledge_contribution::pledge_id)
        .limit(limit)
        .select((pledge_contribution::pledge_id, pledge_contribution::campaign_id))
        .load(conn)
        .await
}

/// A campaign whose row is not the sum of what it is made of.
#[derive(Debug, QueryableByName)]
pub struct Unequal {
    #[diesel(sql_type = Uuid)]
    pub campaign_id: CampaignId,
    #[diesel(sql_type = Text)]
    pub check: String,
    #[diesel(sql_type = Text)]
    pub detail: String,
}

/// Those of these campaigns whose row is not the sum of what it is made of.
pub async fn unequal(conn: &mut Connection, ids: &[CampaignId]) -> QueryResult<Vec<Unequal>> {
    sql_query(
        "SELECT t.campaign_id, v.name AS \"check\", \
                format('the totals say %s, their parts %s', v.total, v.parts) AS detail \
           FROM totals.campaign_totals t \
          CROSS JOIN LATERAL ( \
                SELECT coalesce(sum(c.captured_minor), 0)::bigint AS captured, \
                       coalesce(sum(c.refunded_minor), 0)::bigint AS refunded, \
                       coalesce(sum(c.disputed_minor), 0)::bigint AS disputed, \
                       count(DISTINCT c.pledge_id) AS gifts \
                  FROM totals.contribution c WHERE c.campaign_id = t.campaign_id) c \
          CROSS JOIN LATERAL ( \
                SELECT coalesce(sum(p.counted_minor), 0)::bigint AS pledged \
                  FROM totals.pledge_contribution p WHERE p.campaign_id = t.campaign_id) p \
          CROSS JOIN LATERAL ( \
                SELECT count(*) AS stored FROM totals.gift g \
                 WHERE g.campaign_id = t.campaign_id) g \
          CROSS JOIN LATERAL ( \
                SELECT count(*) AS pledges FROM ( \
                    SELECT g.pledge_id FROM totals.gift g WHERE g.campaign_id = t.campaign_id \
                     UNION \
                    SELECT c.pledge_id FROM totals.contribution c \
                     WHERE c.campaign_id = t.campaign_id) e) e \
          CROSS JOIN LATERAL ( \
                SELECT count(*) AS stored FROM totals.donor d \
                 WHERE d.campaign_id = t.campaign_id) d \
          CROSS JOIN LATERAL (VALUES \
                ('totals_contribution', ARRAY[t.captured_minor, t.refunded_minor, \
                                              t.disputed_minor], \
                                        ARRAY[c.captured, c.refunded, c.disputed]), \
                ('totals_pledged', ARRAY[t.pledged_minor], ARRAY[p.pledged]), \
                ('totals_gifts', ARRAY[t.donation_count, t.donation_count, t.donation_count], \
                                 ARRAY[g.stored, c.gifts, e.pledges]), \
                ('totals_donors', ARRAY[t.donor_count], ARRAY[d.stored])) \
                AS v (name, total, parts) \
          WHERE t.campaign_id = ANY($1) AND v.total <> v.parts \
          ORDER BY t.campaign_id",
    )
    .bind::<Array<Uuid>, _>(ids)
    .load(conn)
    .await
}

/// The goals and currencies that the totals of these campaigns repeat, and whether everybody may see
/// them.
pub async fn terms(
    conn: &mut Connection,
    ids: &[CampaignId],
) -> QueryResult<HashMap<CampaignId, (i64, Currency, bool)>> {
    let rows: Vec<(CampaignId, (i64, Currency, bool))> = campaign_totals::table
        .filter(campaign_totals::campaign_id.eq_any(ids))
        .select((
            campaign_totals::campaign_id,
            (campaign_totals::goal_minor, campaign_totals::currency, campaign_totals::published),
        ))
        .load(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Forgets all that a campaign's totals are made of, under [`lock`](super::lock). Nobody sees it
/// before the transaction ends, and then all is counted again.
pub async fn clear(
    conn: &mut Connection,
    id: CampaignId,
    (goal_minor, currency, published): (i64, Currency, bool),
) -> QueryResult<()> {
    diesel::delete(contribution::table.filter(contribution::campaign_id.eq(id)))
        .execute(conn)
        .await?;
    let pledges = pledge_contribution::table.filter(pledge_contribution::campaign_id.eq(id));
    diesel::delete(pledges).execute(conn).await?;
    diesel::delete(gift::table.filter(gift::campaign_id.eq(id))).execute(conn).await?;
    diesel::delete(donor::table.filter(donor::campaign_id.eq(id))).execute(conn).await?;
    diesel::update(campaign_totals::table.find(id))
        .set((
            campaign_totals::goal_minor.eq(goal_minor),
            campaign_totals::currency.eq(currency),
            campaign_totals::published.eq(published),
            campaign_totals::pledged_minor.eq(0),
            campaign_totals::captured_minor.eq(0),
            campaign_totals::refunded_minor.eq(0),
            campaign_totals::disputed_minor.eq(0),
            campaign_totals::donation_count.eq(0),
            campaign_totals::donor_count.eq(0),
            campaign_totals::version.eq(campaign_totals::version + 1),
            campaign_totals::updated_at.eq(clock::now()),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// Forgets these payments and pledges, under whichever campaign they stand.
pub async fn forget(
    conn: &mut Connection,
    payments: &[PaymentId],
    pledges: &[PledgeId],
) -> QueryResult<()> {
    sql_query(
        "WITH payment AS (DELETE FROM totals.contribution WHERE payment_id = ANY($1)), \
              pledge AS (DELETE FROM totals.pledge_contribution WHERE pledge_id = ANY($2)) \
         SELECT 1",
    )
    .bind::<Array<Uuid>, _>(payments)
    .bind::<Array<Uuid>, _>(pledges)
    .execute(conn)
    .await
    .map(drop)
}

/// The next campaigns that have totals, by id.
pub async fn campaigns_after(
    conn: &mut Connection,
    after: Option<CampaignId>,
    limit: i64,
) -> QueryResult<Vec<CampaignId>> {
    campaign_totals::table
        .filter(campaign_totals::campaign_id.gt(after.unwrap_or(CampaignId(uuid::Uuid::nil()))))
        .order(campaign_totals::campaign_id)
        .limit(limit)
        .select(campaign_totals::campaign_id)
        .load(conn)
        .await
}

/// The whole sums of all totals, for the dashboard: one row for each campaign is read, no gift.
#[derive(Debug, QueryableByName)]
pub struct Raised {
    #[diesel(sql_type = Text)]
    pub currency: Currency,
    #[diesel(sql_type = BigInt)]
    pub campaigns: i64,
    #[diesel(sql_type = BigInt)]
    pub pledged_minor: i64,
    #[diesel(sql_type = BigInt)]
    pub captured_minor: i64,
    #[diesel(sql_type = BigInt)]
    pub refunded_minor: i64,
    #[diesel(sql_type = BigInt)]
    pub disputed_minor: i64,
    #[diesel(sql_type = BigInt)]
    pub donation_count: i64,
}

pub async fn raised(conn: &mut Connection) -> QueryResult<Vec<Raised>> {
    sql_query(
        "SELECT currency, count(*) AS campaigns, sum(pledged_minor)::bigint AS pledged_minor, \
                sum(captured_minor)::bigint AS captured_minor, \
                sum(refunded_minor)::bigint AS refunded_minor, \
                sum(disputed_minor)::bigint AS disputed_minor, \
                sum(donation_count)::bigint AS donation_count \
           FROM totals.campaign_totals WHERE published GROUP BY currency ORDER BY currency",
    )
    .load(conn)
    .await
}
