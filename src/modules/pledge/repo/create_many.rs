//! A batch of gifts in one statement.

use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{
        Array, BigInt, Binary, Bool, Integer, Jsonb, Nullable, SmallInt, Text, Timestamptz,
        Uuid as SqlUuid,
    },
};
use diesel_async::RunQueryDsl;

use super::super::{events::PLEDGE_CHANGED, model::Pledge};
use crate::{
    kernel::{clock, ids::CampaignId},
    platform::{
        event_bus::{NewEvent, partition_of},
        idempotency::{IdempotencyKey, StoredResponse},
        postgres::{Connection, cached},
    },
};

/// A pledge to be written, with its key, its event and the answer it will have.
#[derive(Debug)]
pub struct NewPledge {
    pub pledge: Pledge,
    pub key: IdempotencyKey,
    pub event: NewEvent,
    pub response: StoredResponse,
}

const CREATE: &str = "\
    SELECT pledge.create_many($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
                              $16, $17, $18, $19, $20, $21, $22, $23) AS fresh";

#[derive(QueryableByName)]
struct Created {
    /// From 1.
    #[diesel(sql_type = Nullable<Array<Integer>>)]
    fresh: Option<Vec<i32>>,
}

/// Writes keys, pledges and events, as one transaction. `gifts` are sorted by scope and key, no key
/// twice; `judged` are their campaigns, ascending, with the versions that they were judged by.
/// Returns the indices of those whose key was new; `None`, and nothing is written, when a campaign
/// has changed.
pub async fn create_many(
    conn: &mut Connection,
    judged: &[(CampaignId, i64)],
    gifts: &[(usize, &NewPledge)],
) -> QueryResult<Option<Vec<usize>>> {
    fn column<'a, T>(gifts: &[(usize, &'a NewPledge)], f: impl Fn(&'a NewPledge) -> T) -> Vec<T> {
        gifts.iter().map(|(_, gift)| f(gift)).collect()
    }
    let created: Created = cached(
        sql_query(CREATE)
            .bind::<Array<SqlUuid>, _>(judged.iter().map(|j| j.0).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(judged.iter().map(|j| j.1).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(column(gifts, |g| &g.key.scope))
            .bind::<Array<Text>, _>(column(gifts, |g| &g.key.key))
            .bind::<Array<Binary>, _>(column(gifts, |g| &g.key.fingerprint[..]))
            .bind::<Array<Text>, _>(column(gifts, |g| &g.response.body))
            .bind::<Array<SqlUuid>, _>(column(gifts, |g| g.pledge.id))
            .bind::<Array<SqlUuid>, _>(column(gifts, |g| g.pledge.campaign_id))
            .bind::<Array<Nullable<SqlUuid>>, _>(column(gifts, |g| g.pledge.user_id))
            .bind::<Array<BigInt>, _>(column(gifts, |g| g.pledge.amount_minor))
            .bind::<Array<Text>, _>(column(gifts, |g| g.pledge.currency))
            .bind::<Array<Text>, _>(column(gifts, |g| &g.pledge.donor_email))
            .bind::<Array<Text>, _>(column(gifts, |g| &g.pledge.donor_hash))
            .bind::<Array<Nullable<Text>>, _>(column(gifts, |g| g.pledge.donor_name.as_deref()))
            .bind::<Array<Bool>, _>(column(gifts, |g| g.pledge.anonymous))
            .bind::<Array<Nullable<Text>>, _>(column(gifts, |g| g.pledge.message.as_deref()))
            .bind::<Array<Nullable<Jsonb>>, _>(column(gifts, |g| g.pledge.metadata.as_ref()))
            .bind::<Array<Timestamptz>, _>(column(gifts, |g| g.pledge.created_at))
            .bind::<Array<SqlUuid>, _>(column(gifts, |_| clock::new_id()))
            .bind::<Array<SmallInt>, _>(column(gifts, |g| partition_of(g.event.partition_key)))
            .bind::<Text, _>(PLEDGE_CHANGED)
            .bind::<Array<Jsonb>, _>(column(gifts, |g| &g.event.payload))
            .bind::<Array<Nullable<Text>>, _>(column(gifts, |g| g.event.trace_context.as_deref())),
    )
    .get_result(conn)
    .await?;
    let index = |place: i32| usize::try_from(place - 1).ok();
    Ok(created.fresh.map(|fresh| fresh.into_iter().filter_map(index).collect()))
}
