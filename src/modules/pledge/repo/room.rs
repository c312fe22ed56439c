//! The room left under the goal of campaigns that take no more than their goal.

use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{Array, BigInt, Uuid},
};
use diesel_async::RunQueryDsl;

use crate::{
    kernel::ids::CampaignId,
    platform::postgres::{Connection, column},
};

#[derive(QueryableByName)]
struct Room {
    #[diesel(sql_type = BigInt)]
    terms_version: i64,
    #[diesel(sql_type = BigInt)]
    taken_minor: i64,
}

/// Locks the campaign's row and returns what is taken, in minor units. If the campaign has changed
/// since the row was computed (gifts made while overfunding was allowed were not counted), it is
/// computed anew, which costs one sum for each edit of such a campaign. The caller holds the
/// campaign's lock, so `terms_version` stands still.
pub async fn lock(
    conn: &mut Connection,
    campaign: CampaignId,
    terms_version: i64,
) -> QueryResult<i64> {
    let room = sql_query(
        "INSERT INTO pledge.goal_room (campaign_id, terms_version, taken_minor) VALUES ($1, -1, 0)
         ON CONFLICT (campaign_id) DO UPDATE SET terms_version = goal_room.terms_version
         RETURNING terms_version, taken_minor",
    )
    .bind::<Uuid, _>(campaign)
    .get_result::<Room>(conn)
    .await?;
    if room.terms_version == terms_version {
        return Ok(room.taken_minor);
    }
    let room = sql_query(
        "UPDATE pledge.goal_room
         SET terms_version = $2, taken_minor = (
             SELECT coalesce(sum(amount_minor), 0)::bigint FROM pledge.pledges
             WHERE campaign_id = $1 AND status NOT IN ('cancelled', 'failed'))
         WHERE campaign_id = $1
         RETURNING terms_version, taken_minor",
    )
    .bind::<Uuid, _>(campaign)
    .bind::<BigInt, _>(terms_version)
    .get_result::<Room>(conn)
    .await?;
    Ok(room.taken_minor)
}

/// Takes room, or gives it back. It never falls below nothing: a row that has not counted the gift
/// that is now given back is out of date, and computed anew before it is believed.
///
/// Where the campaign has no row yet, one is made that has to be computed first. Were it left out,
/// a gift that is being given back would be counted for ever by whoever makes the row and sums up
/// before this transaction is committed: the row is the lock that the two meet at.
pub async fn adjust(conn: &mut Connection, campaign: CampaignId, delta: i64) -> QueryResult<()> {
    sql_query(
        "INSERT INTO pledge.goal_room (campaign_id, terms_version, taken_minor)
         VALUES ($1, -1, greatest($2, 0))
         ON CONFLICT (campaign_id)
         DO UPDATE SET taken_minor = greatest(goal_room.taken_minor + $2, 0)",
    )
    .bind::<Uuid, _>(campaign)
    .bind::<BigInt, _>(delta)
    .execute(conn)
    .await
    .map(drop)
}

#[derive(QueryableByName)]
struct Unequal {
    #[diesel(sql_type = Uuid)]
    campaign_id: CampaignId,
    #[diesel(sql_type = BigInt)]
    taken_minor: i64,
    #[diesel(sql_type = BigInt)]
    counted_minor: i64,
}

/// Of campaigns with the versions of their terms, those of which the row is of that version, and so
/// believed, and another amount is taken than their pledges come to: both, in minor units.
pub async fn unequal_rooms(
    conn: &mut Connection,
    terms: &[(CampaignId, i64)],
) -> QueryResult<Vec<(CampaignId, i64, i64)>> {
    let rows: Vec<Unequal> = sql_query(
        "SELECT r.campaign_id, r.taken_minor, c.counted_minor
         FROM unnest($1, $2) AS t (campaign_id, version)
         JOIN pledge.goal_room r
           ON r.campaign_id = t.campaign_id AND r.terms_version = t.version
         CROSS JOIN LATERAL (
             SELECT coalesce(sum(amount_minor), 0)::bigint AS counted_minor FROM pledge.pledges p
             WHERE p.campaign_id = t.campaign_id AND status NOT IN ('cancelled', 'failed')) c
         WHERE r.taken_minor <> c.counted_minor
         ORDER BY r.campaign_id",
    )
    .bind::<Array<Uuid>, _>(column(terms, |t| t.0))
    .bind::<Array<BigInt>, _>(column(terms, |t| t.1))
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.campaign_id, row.taken_minor, row.counted_minor)).collect())
}

/// Makes the rows of these campaigns such that they are computed anew before they are believed. Held
/// in ascending order, as by everybody who takes room.
pub async fn doubt_rooms(conn: &mut Connection, campaigns: &[CampaignId]) -> QueryResult<()> {
    sql_query(
        "WITH held AS MATERIALIZED (
             SELECT campaign_id FROM pledge.goal_room WHERE campaign_id = ANY ($1)
             ORDER BY campaign_id FOR UPDATE)
         UPDATE pledge.goal_room r SET terms_version = -1
         FROM held WHERE r.campaign_id = held.campaign_id",
    )
    .bind::<Array<Uuid>, _>(column(campaigns, |id| *id))
    .execute(conn)
    .await
    .map(drop)
}
