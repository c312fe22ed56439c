use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::super::{
    model::{BankPayment, Status},
    schema::payments,
};
use crate::{kernel::ids::PaymentId, platform::postgres::Connection};

/// False when a payment was made with this idempotency key before; waits for one being made.
pub async fn insert_payment(conn: &mut Connection, payment: &BankPayment) -> QueryResult<bool> {
    let rows = diesel::insert_into(payments::table)
        .values(payment)
        .on_conflict(payments::idempotency_key)
        .do_nothing()
        .execute(conn)
        .await?;
    Ok(rows == 1)
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
