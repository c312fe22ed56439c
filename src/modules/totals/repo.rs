//! All SQL of the totals.

pub mod reconcile;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, QueryableByName, SelectableHelper,
    sql_types::{Array, BigInt, Bytea, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;

use super::{
    model::{Terms, Totals},
    schema::campaign_totals,
};
use crate::{
    kernel::{clock, ids::CampaignId, money::Currency},
    modules::{payment::events::PaymentChanged, pledge::events::PledgeChanged},
    platform::postgres::{Connection, cached, column},
};

/// The zero row of a campaign that is being created, at version 1.
pub async fn insert(
    conn: &mut Connection,
    campaign_id: CampaignId,
    currency: Currency,
    goal_minor: i64,
) -> QueryResult<()> {
    let row = (
        campaign_totals::campaign_id.eq(campaign_id),
        campaign_totals::currency.eq(currency),
        campaign_totals::goal_minor.eq(goal_minor),
        campaign_totals::campaign_version.eq(1_i64),
        campaign_totals::updated_at.eq(clock::now()),
    );
    diesel::insert_into(campaign_totals::table).values(row).execute(conn).await.map(drop)
}

/// Lets everybody see the totals.
pub async fn publish(conn: &mut Connection, campaign_id: CampaignId) -> QueryResult<()> {
    diesel::update(campaign_totals::table.find(campaign_id))
        .set(campaign_totals::published.eq(true))
        .execute(conn)
        .await
        .map(drop)
}

pub async fn find(conn: &mut Connection, id: CampaignId) -> QueryResult<Option<Totals>> {
    campaign_totals::table.find(id).select(Totals::as_select()).first(conn).await.optional()
}

pub async fn for_campaigns(
    conn: &mut Connection,
    ids: &[CampaignId],
) -> QueryResult<HashMap<CampaignId, Totals>> {
    let rows = campaign_totals::table
        .filter(campaign_totals::campaign_id.eq_any(ids))
        .select(Totals::as_select())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|row| (row.campaign_id, row)).collect())
}

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = SqlUuid)]
    campaign_id: CampaignId,
    #[diesel(sql_type = Text)]
    currency: Currency,
}

/// Locks the totals of these campaigns, in ascending order. Whoever holds the lock is alone in
/// changing what they are summed from.
pub async fn lock(
    conn: &mut Connection,
    ids: &[CampaignId],
) -> QueryResult<HashMap<CampaignId, Currency>> {
    let lock = diesel::sql_query(
        "SELECT campaign_id, currency FROM totals.campaign_totals \
          WHERE campaign_id = ANY($1) ORDER BY campaign_id FOR NO KEY UPDATE",
    );
    let rows: Vec<Locked> = cached(lock.bind::<Array<SqlUuid>, _>(ids)).load(conn).await?;
    Ok(rows.into_iter().map(|row| (row.campaign_id, row.currency)).collect())
}

/// Stores the facts that are newer than what is stored, and adds the differences they make to
/// their campaigns: one update each.
///
/// Under [`lock`], the rows that `have` reads are the ones that the inserts meet. `OFFSET 0` keeps
/// the look-ups by key: joined freely, a plan made while the tables were small would read them
/// whole once they are large. For the same reason nothing
/// else is joined: what the planner takes for ten rows may be a thousand. A payment that never captured anything leaves no row.
const APPLY: &str = "\
    WITH payment AS MATERIALIZED ( \
        SELECT p.*, coalesce(have.captured_minor, 0) AS had_captured, \
               coalesce(have.refunded_minor, 0) AS had_refunded, \
               coalesce(have.disputed_minor, 0) AS had_disputed \
          FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) AS p \
               (payment_id, campaign_id, pledge_id, version, captured, refunded, disputed, donor) \
          LEFT JOIN LATERAL (SELECT * FROM totals.contribution c \
                              WHERE c.payment_id = p.payment_id OFFSET 0) have ON true \
         WHERE p.version > have.version OR (have.version IS NULL AND p.captured > 0) \
    ), pledge AS MATERIALIZED ( \
        SELECT p.*, coalesce(have.counted_minor, 0) AS had_counted \
          FROM unnest($9, $10, $11, $12) AS p (pledge_id, campaign_id, version, counted) \
          LEFT JOIN LATERAL (SELECT * FROM totals.pledge_contribution c \
                              WHERE c.pledge_id = p.pledge_id OFFSET 0) have ON true \
         WHERE p.version > have.version OR have.version IS NULL \
    ), stored_payment AS ( \
        INSERT INTO totals.contribution (payment_id, campaign_id, pledge_id, version, \
                                         captured_minor, refunded_minor, disputed_minor) \
        SELECT payment_id, campaign_id, pledge_id, version, captured, refunded, disputed \
          FROM payment \
            ON CONFLICT (payment_id) DO UPDATE \
           SET version = excluded.version, captured_minor = excluded.captured_minor, \
               refunded_minor = excluded.refunded_minor, disputed_minor = excluded.disputed_minor \
    ), stored_pledge AS ( \
        INSERT INTO totals.pledge_contribution (pledge_id, campaign_id, version, counted_minor) \
        SELECT pledge_id, campaign_id, version, counted FROM pledge \
            ON CONFLICT (pledge_id) DO UPDATE \
           SET version = excluded.version, counted_minor = excluded.counted_minor \
    ), new_gift AS ( \
        INSERT INTO totals.gift (pledge_id, campaign_id) \
        SELECT DISTINCT pledge_id, campaign_id FROM payment WHERE captured > 0 \
            ON CONFLICT DO NOTHING RETURNING campaign_id \
    ), new_donor AS ( \
        INSERT INTO totals.donor (campaign_id, donor_hash) \
        SELECT DISTINCT campaign_id, donor FROM payment WHERE captured > 0 \
            ON CONFLICT DO NOTHING RETURNING campaign_id \
    ), difference AS ( \
        SELECT campaign_id, sum(pledged)::bigint AS pledged, sum(captured)::bigint AS captured, \
               sum(refunded)::bigint AS refunded, sum(disputed)::bigint AS disputed, \
               sum(gifts)::bigint AS gifts, sum(donors)::bigint AS donors \
          FROM (SELECT campaign_id, 0 AS pledged, captured - had_captured AS captured, \
                       refunded - had_refunded AS refunded, disputed - had_disputed AS disputed, \
                       0 AS gifts, 0 AS donors FROM payment \
                 UNION ALL SELECT campaign_id, counted - had_counted, 0, 0, 0, 0, 0 FROM pledge \
                 UNION ALL SELECT campaign_id, 0, 0, 0, 0, 1, 0 FROM new_gift \
                 UNION ALL SELECT campaign_id, 0, 0, 0, 0, 0, 1 FROM new_donor) AS change \
         GROUP BY campaign_id \
    ), changed AS ( \
        UPDATE totals.campaign_totals t \
           SET pledged_minor = t.pledged_minor + d.pledged, \
               captured_minor = t.captured_minor + d.captured, \
               refunded_minor = t.refunded_minor + d.refunded, \
               disputed_minor = t.disputed_minor + d.disputed, \
               donation_count = t.donation_count + d.gifts, \
               donor_count = t.donor_count + d.donors, \
               version = t.version + 1, updated_at = $13 \
          FROM difference d \
         WHERE t.campaign_id = d.campaign_id \
           AND (d.pledged, d.captured, d.refunded, d.disputed, d.gifts, d.donors) \
               <> (0, 0, 0, 0, 0, 0) \
        RETURNING t.*, (d.captured, d.refunded, d.disputed) <> (0, 0, 0) AS money \
    ) \
    SELECT * FROM changed WHERE money OR campaign_id = ANY($14)";

/// What is to be counted, each payment and pledge at most once.
pub struct Facts<'a> {
    pub payments: &'a [&'a PaymentChanged],
    /// The payments' donor hashes, in their order.
    pub donors: Vec<Vec<u8>>,
    pub pledges: &'a [&'a PledgeChanged],
}

/// Applies the facts, under [`lock`]. Returns the totals, as they are now, of which money has
/// changed, and of those among `told` that have changed in any way.
pub async fn apply(
    conn: &mut Connection,
    facts: Facts<'_>,
    told: &[CampaignId],
) -> QueryResult<Vec<Totals>> {
    let Facts { payments, donors, pledges } = facts;
    let query = diesel::sql_query(APPLY)
        .bind::<Array<SqlUuid>, _>(column(payments, |p| p.payment_id))
        .bind::<Array<SqlUuid>, _>(column(payments, |p| p.campaign_id))
        .bind::<Array<SqlUuid>, _>(column(payments, |p| p.pledge_id))
        .bind::<Array<BigInt>, _>(column(payments, |p| p.version))
        .bind::<Array<BigInt>, _>(column(payments, |p| p.captured_minor))
        .bind::<Array<BigInt>, _>(column(payments, |p| p.refunded_minor))
        .bind::<Array<BigInt>, _>(column(payments, |p| p.disputed_minor))
        .bind::<Array<Bytea>, _>(donors)
        .bind::<Array<SqlUuid>, _>(column(pledges, |p| p.pledge_id))
        .bind::<Array<SqlUuid>, _>(column(pledges, |p| p.campaign_id))
        .bind::<Array<BigInt>, _>(column(pledges, |p| p.version))
        .bind::<Array<BigInt>, _>(column(pledges, |p| p.counted_minor))
        .bind::<Timestamptz, _>(clock::now())
        .bind::<Array<SqlUuid>, _>(told);
    cached(query).load(conn).await
}

/// Takes over the goals and currencies that are newer, under [`lock`], and returns the totals that
/// look otherwise for it.
pub async fn set_terms(conn: &mut Connection, terms: &[&Terms]) -> QueryResult<Vec<Totals>> {
    let query = diesel::sql_query(
        "WITH taken AS ( \
             UPDATE totals.campaign_totals t \
                SET currency = n.currency, goal_minor = n.goal, campaign_version = n.version, \
                    version = t.version \
                        + ((t.currency, t.goal_minor) <> (n.currency, n.goal))::int, \
                    updated_at = $5 \
               FROM unnest($1, $2, $3, $4) AS n (campaign_id, version, currency, goal) \
              CROSS JOIN LATERAL (SELECT o.version FROM totals.campaign_totals o \
                                   WHERE o.campaign_id = n.campaign_id OFFSET 0) had \
              WHERE t.campaign_id = n.campaign_id AND t.campaign_version < n.version \
          RETURNING t.*, t.version > had.version AS seen) \
         SELECT * FROM taken WHERE seen",
    );
    let now: DateTime<Utc> = clock::now();
    let query = query
        .bind::<Array<SqlUuid>, _>(column(terms, |t| t.campaign_id))
        .bind::<Array<BigInt>, _>(column(terms, |t| t.version))
        .bind::<Array<Text>, _>(column(terms, |t| t.currency))
        .bind::<Array<BigInt>, _>(column(terms, |t| t.goal_minor))
        .bind::<Timestamptz, _>(now);
    cached(query).load(conn).await
}
