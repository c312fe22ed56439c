use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid},
};
use diesel_async::RunQueryDsl;

use super::{
    super::{
        model::{BankPayment, Status},
        schema::payments,
    },
    faults::Operation,
};
use crate::{
    kernel::ids::PaymentId,
    platform::postgres::{Connection, cached, column},
};

#[derive(QueryableByName)]
struct Made {
    #[diesel(sql_type = Text)]
    id: String,
}

/// Returns the ids of those whose idempotency key was new; waits for one that is being used. In the
/// order of the keys, so that two replicas never wait for each other in a ring. None of them is
/// stored when a fault is planned for the operation `unless_faulted`.
pub async fn insert_payments(
    conn: &mut Connection,
    rows: &[&BankPayment],
    unless_faulted: Option<Operation>,
) -> QueryResult<HashSet<String>> {
    let made: Vec<Made> = cached(
        sql_query(
            "INSERT INTO sandbox.payments (id, payment_id, amount_minor, currency, capture_method,
                 status, captured_minor, refunded_minor, captures, behaviour, account_number,
                 hold_expires_at, client_secret, idempotency_key, created_with, create_decline,
                 created_at, updated_at, trace_context)
             SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
                                  $16, $17, $18, $19)
                  AS t (id, payment_id, amount, currency, capture_method, status, captured,
                        refunded, captures, behaviour, account, hold, secret, key, created_with,
                        decline, created_at, updated_at, trace)
             WHERE $20 IS NULL
                OR NOT EXISTS (SELECT FROM sandbox.faults f
                               WHERE f.operation = $20 AND f.times_left > 0)
             ORDER BY key
             ON CONFLICT (idempotency_key) DO NOTHING
             RETURNING id",
        )
        .bind::<Array<Text>, _>(column(rows, |p| &p.id))
        .bind::<Array<Uuid>, _>(column(rows, |p| p.payment_id))
        .bind::<Array<BigInt>, _>(column(rows, |p| p.amount_minor))
        .bind::<Array<Text>, _>(column(rows, |p| p.currency))
        .bind::<Array<Text>, _>(column(rows, |p| p.capture_method))
        .bind::<Array<Text>, _>(column(rows, |p| p.status))
        .bind::<Array<BigInt>, _>(column(rows, |p| p.captured_minor))
        .bind::<Array<BigInt>, _>(column(rows, |p| p.refunded_minor))
        .bind::<Array<Integer>, _>(column(rows, |p| p.captures))
        .bind::<Array<Nullable<Text>>, _>(column(rows, |p| p.behaviour))
        .bind::<Array<Nullable<Text>>, _>(column(rows, |p| p.account_number.as_deref()))
        .bind::<Array<Nullable<Timestamptz>>, _>(column(rows, |p| p.hold_expires_at))
        .bind::<Array<Text>, _>(column(rows, |p| &p.client_secret))
        .bind::<Array<Text>, _>(column(rows, |p| &p.idempotency_key))
        .bind::<Array<Nullable<Text>>, _>(column(rows, |p| p.created_with.as_deref()))
        .bind::<Array<Nullable<Text>>, _>(column(rows, |p| p.create_decline.as_deref()))
        .bind::<Array<Timestamptz>, _>(column(rows, |p| p.created_at))
        .bind::<Array<Timestamptz>, _>(column(rows, |p| p.updated_at))
        .bind::<Array<Nullable<Text>>, _>(column(rows, |p| p.trace_context.as_deref()))
        .bind::<Nullable<Text>, _>(unless_faulted),
    )
    .load(conn)
    .await?;
    Ok(made.into_iter().map(|row| row.id).collect())
}

pub async fn by_idempotency_key(
    conn: &mut Connection,
    key: &str,
) -> QueryResult<Option<BankPayment>> {
    let payment = payments::table.filter(payments::idempotency_key.eq(key));
    payment.select(BankPayment::as_select()).first(conn).await.optional()
}

pub async fn load_payment(conn: &mut Connection, id: &str) -> QueryResult<Option<BankPayment>> {
    payments::table.find(id).select(BankPayment::as_select()).first(conn).await.optional()
}

/// For the rest of the transaction: of two who confirm at once, one waits and finds it done.
pub async fn lock_payment(conn: &mut Connection, id: &str) -> QueryResult<Option<BankPayment>> {
    let payment = payments::table.find(id).select(BankPayment::as_select());
    payment.for_update().first(conn).await.optional()
}

pub async fn save_payment(conn: &mut Connection, payment: &BankPayment) -> QueryResult<()> {
    diesel::update(payments::table.find(&payment.id)).set(payment).execute(conn).await?;
    Ok(())
}

/// Those that carry this id of ours, oldest first.
pub async fn list_payments(
    conn: &mut Connection,
    payment_id: PaymentId,
    after: &str,
    limit: i64,
) -> QueryResult<Vec<BankPayment>> {
    payments::table
        .filter(payments::payment_id.eq(payment_id).and(payments::id.gt(after)))
        .order(payments::id)
        .limit(limit)
        .select(BankPayment::as_select())
        .load(conn)
        .await
}

/// Those made in `[from, to)`, in the order of their making, after the one made then.
pub async fn list_made(
    conn: &mut Connection,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    (at, after): (DateTime<Utc>, &str),
    limit: i64,
) -> QueryResult<Vec<BankPayment>> {
    let (made, id) = (payments::created_at, payments::id);
    payments::table
        .filter(made.ge(from).and(made.lt(to)))
        .filter(made.gt(at).or(made.eq(at).and(id.gt(after))))
        .order((made, id))
        .limit(limit)
        .select(BankPayment::as_select())
        .load(conn)
        .await
}

/// Payments whose hold ended by `now`, the longest ended first.
pub async fn expired_holds(
    conn: &mut Connection,
    now: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<String>> {
    payments::table
        .filter(payments::status.eq(Status::Authorized).and(payments::hold_expires_at.le(now)))
        .order(payments::hold_expires_at)
        .limit(limit)
        .select(payments::id)
        .load(conn)
        .await
}
