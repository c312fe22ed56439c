//! What this module has heard of the payments of its pledges.

use diesel::{
    ExpressionMethods, QueryDsl, QueryResult, sql_query,
    sql_types::{Array, BigInt, Text, Uuid},
};
use diesel_async::RunQueryDsl;

use super::super::{
    model::PaymentState,
    schema::payment_states::{self, dsl},
};
use crate::{
    kernel::ids::{PaymentId, PledgeId},
    platform::postgres::{Connection, cached, column},
};

/// Payments that are about to be made: version 0, older than anything that will be heard of them.
pub async fn insert_new(
    conn: &mut Connection,
    payments: &[(PledgeId, PaymentId)],
) -> QueryResult<()> {
    cached(
        sql_query(
            "INSERT INTO pledge.payment_states (payment_id, pledge_id, version, status)
             SELECT payment_id, pledge_id, 0, 'pending'
             FROM unnest($1, $2) AS t (payment_id, pledge_id)
             ORDER BY payment_id
             ON CONFLICT DO NOTHING",
        )
        .bind::<Array<Uuid>, _>(payments.iter().map(|p| p.1).collect::<Vec<_>>())
        .bind::<Array<Uuid>, _>(payments.iter().map(|p| p.0).collect::<Vec<_>>()),
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Stores the newest version of each payment; older ones change nothing. `states` holds each
/// payment at most once.
pub async fn upsert_newer(conn: &mut Connection, states: &[&PaymentState]) -> QueryResult<()> {
    cached(
        sql_query(
            "INSERT INTO pledge.payment_states AS s
                 (payment_id, pledge_id, version, status, captured_minor, refunded_minor,
                  disputed_minor)
             SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
                  AS t (payment_id, pledge_id, version, status, captured, refunded, disputed)
             ORDER BY payment_id
             ON CONFLICT (payment_id) DO UPDATE
             SET version = excluded.version, status = excluded.status,
                 captured_minor = excluded.captured_minor,
                 refunded_minor = excluded.refunded_minor,
                 disputed_minor = excluded.disputed_minor
             WHERE excluded.version > s.version",
        )
        .bind::<Array<Uuid>, _>(column(states, |s| s.payment_id))
        .bind::<Array<Uuid>, _>(column(states, |s| s.pledge_id))
        .bind::<Array<BigInt>, _>(column(states, |s| s.version))
        .bind::<Array<Text>, _>(column(states, |s| &s.status))
        .bind::<Array<BigInt>, _>(column(states, |s| s.captured_minor))
        .bind::<Array<BigInt>, _>(column(states, |s| s.refunded_minor))
        .bind::<Array<BigInt>, _>(column(states, |s| s.disputed_minor)),
    )
    .execute(conn)
    .await
    .map(drop)
}

/// All that is known of the payments of these pledges.
pub async fn newest_of(
    conn: &mut Connection,
    pledges: &[PledgeId],
) -> QueryResult<Vec<PaymentState>> {
    type Row = (PaymentId, PledgeId, i64, String, i64, i64, i64);
    let rows: Vec<Row> =
        payment_states::table.filter(dsl::pledge_id.eq_any(pledges)).load(conn).await?;
    Ok(rows
        .into_iter()
        .map(|(payment_id, pledge_id, version, status, captured, refunded, disputed)| {
            PaymentState {
                payment_id,
                pledge_id,
                version,
                status,
                captured_minor: captured,
                refunded_minor: refunded,
                disputed_minor: disputed,
            }
        })
        .collect())
}
