//! How far campaigns are funded: what the totals told last.

use std::collections::{BTreeMap, HashMap};

use diesel::{
    ExpressionMethods, QueryDsl, QueryResult,
    sql_types::{Array, BigInt, Bool, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;

use crate::{
    kernel::ids::CampaignId,
    modules::{campaign::schema::funding::dsl, totals::events::TotalsChanged},
    platform::postgres::{Connection, cached},
};

/// Takes over what is newer: one row, and one statement, whatever the number of facts.
pub async fn follow(conn: &mut Connection, facts: &[TotalsChanged]) -> QueryResult<()> {
    let mut newest: BTreeMap<CampaignId, &TotalsChanged> = BTreeMap::new();
    for fact in facts {
        let known = newest.entry(fact.campaign_id).or_insert(fact);
        if known.version < fact.version {
            *known = fact;
        }
    }
    write(conn, newest.values().copied(), false).await
}

/// Takes these over, whatever is stored. Each campaign is there once, and its totals are locked:
/// what comes later is newer.
pub async fn overwrite(conn: &mut Connection, facts: &[TotalsChanged]) -> QueryResult<()> {
    write(conn, facts.iter(), true).await
}

async fn write(
    conn: &mut Connection,
    facts: impl Iterator<Item = &TotalsChanged>,
    anyway: bool,
) -> QueryResult<()> {
    let (mut ids, mut ppm, mut versions) = (Vec::new(), Vec::new(), Vec::new());
    for fact in facts {
        ids.push(fact.campaign_id);
        ppm.push(fact.funded_ppm());
        versions.push(fact.version);
    }
    // in ascending order, so that two of these never wait for each other
    let upsert = diesel::sql_query(
        "INSERT INTO campaign.funding AS f (campaign_id, funded_ppm, totals_version) \
         SELECT n.id, n.ppm, n.version FROM unnest($1, $2, $3) AS n (id, ppm, version) \
          ORDER BY n.id \
             ON CONFLICT (campaign_id) DO UPDATE \
            SET funded_ppm = excluded.funded_ppm, totals_version = excluded.totals_version \
          WHERE $4 OR f.totals_version < excluded.totals_version",
    )
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<BigInt>, _>(ppm)
    .bind::<Array<BigInt>, _>(versions)
    .bind::<Bool, _>(anyway);
    cached(upsert).execute(conn).await.map(drop)
}

/// How far these campaigns are taken to be funded, in millionths.
pub async fn stored(
    conn: &mut Connection,
    ids: &[CampaignId],
) -> QueryResult<HashMap<CampaignId, i64>> {
    let rows: Vec<(CampaignId, i64)> = dsl::funding
        .filter(dsl::campaign_id.eq_any(ids))
        .select((dsl::campaign_id, dsl::funded_ppm))
        .load(conn)
        .await?;
    Ok(rows.into_iter().collect())
}
