//! The room left under the goal of campaigns that take no more than their goal.

use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{BigInt, Uuid},
};
use diesel_async::RunQueryDsl;

use crate::{kernel::ids::CampaignId, platform::postgres::Connection};

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
