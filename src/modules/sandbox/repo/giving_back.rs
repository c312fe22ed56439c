//! Refunds and disputes.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text, Timestamptz},
};
use diesel_async::RunQueryDsl;

use super::super::{
    model::{BankDispute, BankRefund},
    schema::{disputes, refunds},
};
use crate::platform::postgres::Connection;

/// The caller has locked the payment.
pub async fn insert_refund(conn: &mut Connection, refund: &BankRefund) -> QueryResult<()> {
    diesel::insert_into(refunds::table).values(refund).execute(conn).await.map(drop)
}

pub async fn refund_by_key(conn: &mut Connection, key: &str) -> QueryResult<Option<BankRefund>> {
    let refund = refunds::table.filter(refunds::idempotency_key.eq(key));
    refund.select(BankRefund::as_select()).first(conn).await.optional()
}

/// The refunds of a payment, oldest first, after the one named.
pub async fn list_refunds(
    conn: &mut Connection,
    payment: &str,
    after: &str,
    limit: i64,
) -> QueryResult<Vec<BankRefund>> {
    refunds::table
        .filter(refunds::provider_payment_id.eq(payment).and(refunds::id.gt(after)))
        .order(refunds::id)
        .limit(limit)
        .select(BankRefund::as_select())
        .load(conn)
        .await
}

/// The caller has locked the payment.
pub async fn save_dispute(conn: &mut Connection, dispute: &BankDispute) -> QueryResult<()> {
    diesel::insert_into(disputes::table)
        .values(dispute)
        .on_conflict(disputes::id)
        .do_update()
        .set(dispute)
        .execute(conn)
        .await
        .map(drop)
}

pub async fn load_dispute(conn: &mut Connection, id: &str) -> QueryResult<Option<BankDispute>> {
    disputes::table.find(id).select(BankDispute::as_select()).first(conn).await.optional()
}

/// All disputes of a payment, oldest first.
pub async fn list_disputes(conn: &mut Connection, payment: &str) -> QueryResult<Vec<BankDispute>> {
    disputes::table
        .filter(disputes::provider_payment_id.eq(payment))
        .order(disputes::id)
        .select(BankDispute::as_select())
        .load(conn)
        .await
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Payments of which a refund or a dispute was made or changed in `[from, to)`, after the one named.
pub async fn list_returned(
    conn: &mut Connection,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    after: &str,
    limit: i64,
) -> QueryResult<Vec<String>> {
    let names: Vec<Name> = sql_query(
        "SELECT provider_payment_id AS name FROM (
             SELECT provider_payment_id, created_at, updated_at FROM sandbox.refunds
             UNION ALL
             SELECT provider_payment_id, created_at, updated_at FROM sandbox.disputes) r
         WHERE provider_payment_id > $3
           AND (created_at >= $1 AND created_at < $2 OR updated_at >= $1 AND updated_at < $2)
         GROUP BY name ORDER BY name LIMIT $4",
    )
    .bind::<Timestamptz, _>(from)
    .bind::<Timestamptz, _>(to)
    .bind::<Text, _>(after)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await?;
    Ok(names.into_iter().map(|row| row.name).collect())
}
