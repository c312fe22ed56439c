//! Pledges in the order of their ids, for whoever compares the books.

use diesel::{ExpressionMethods, QueryDsl, QueryResult, SelectableHelper};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::super::{
    model::Pledge,
    schema::{
        payment_states,
        pledges::{self, dsl},
    },
};
use crate::{
    kernel::ids::{CampaignId, PaymentId, PledgeId},
    platform::postgres::Connection,
};

pub async fn ids_after(
    conn: &mut Connection,
    after: Option<PledgeId>,
    limit: i64,
) -> QueryResult<Vec<PledgeId>> {
    pledges::table
        .filter(dsl::id.gt(after.unwrap_or(PledgeId(Uuid::nil()))))
        .order(dsl::id)
        .limit(limit)
        .select(dsl::id)
        .load(conn)
        .await
}

pub async fn existing(conn: &mut Connection, ids: &[PledgeId]) -> QueryResult<Vec<PledgeId>> {
    pledges::table.filter(dsl::id.eq_any(ids)).select(dsl::id).load(conn).await
}

pub async fn find_many(conn: &mut Connection, ids: &[PledgeId]) -> QueryResult<Vec<Pledge>> {
    pledges::table.filter(dsl::id.eq_any(ids)).select(Pledge::as_select()).load(conn).await
}

pub async fn of_campaign(
    conn: &mut Connection,
    campaign: CampaignId,
    after: Option<PledgeId>,
    limit: i64,
) -> QueryResult<Vec<Pledge>> {
    pledges::table
        .filter(dsl::campaign_id.eq(campaign))
        .filter(dsl::id.gt(after.unwrap_or(PledgeId(Uuid::nil()))))
        .order(dsl::id)
        .limit(limit)
        .select(Pledge::as_select())
        .load(conn)
        .await
}

/// The pledge under which a payment is known, its version and status, and its amounts.
pub type Known = (PledgeId, i64, String, [i64; 3]);

/// What is known of these payments.
pub async fn known(
    conn: &mut Connection,
    ids: &[PaymentId],
) -> QueryResult<Vec<(PaymentId, Known)>> {
    type Row = (PaymentId, PledgeId, i64, String, i64, i64, i64);
    let stored = payment_states::table.filter(payment_states::payment_id.eq_any(ids));
    let rows: Vec<Row> = stored.load(conn).await?;
    let row =
        |(id, pledge, version, status, c, r, d): Row| (id, (pledge, version, status, [c, r, d]));
    Ok(rows.into_iter().map(row).collect())
}

/// Forgets what is known of these payments. The caller has locked their pledges.
pub async fn forget(conn: &mut Connection, payments: &[PaymentId]) -> QueryResult<()> {
    let stored = payment_states::table.filter(payment_states::payment_id.eq_any(payments));
    diesel::delete(stored).execute(conn).await.map(drop)
}
