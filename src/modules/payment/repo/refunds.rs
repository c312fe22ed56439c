//! Refunds that we ask for. Whoever writes one holds its payment's lock, or only puts it off.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, QueryResult,
    Queryable, QueryableByName, Selectable, SelectableHelper, sql_query,
    sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid},
};
use diesel_async::RunQueryDsl;
use serde_json::Value;

use super::super::schema::refunds::{self, dsl};
use crate::{
    kernel::{
        ids::{PaymentId, PledgeId, RefundId, RefundRunId, UserId},
        money::Currency,
    },
    platform::postgres::{Connection, cached, column},
};

/// A refund as it is stored.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = refunds, check_for_backend(diesel::pg::Pg))]
pub struct RefundRow {
    pub id: RefundId,
    pub payment_id: PaymentId,
    pub provider: String,
    pub provider_refund_id: Option<String>,
    pub amount_minor: i64,
    pub currency: Currency,
    pub status: String,
    pub reason: Option<String>,
    pub requested_by: Option<UserId>,
    /// The exact request that the provider is sent.
    pub request: Value,
    pub key_number: i32,
    pub attempts: i32,
    /// When the provider was last about to be asked for it.
    pub called_at: Option<DateTime<Utc>>,
    pub next_attempt_at: DateTime<Utc>,
    pub last_error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The run that asked for it, if one did.
    pub run_id: Option<RefundRunId>,
}

/// `false`: by policy, or of this run, the payment has one already.
pub async fn insert_refund(conn: &mut Connection, row: &RefundRow) -> QueryResult<bool> {
    let rows = diesel::insert_into(refunds::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(rows == 1)
}

pub async fn find_refund(conn: &mut Connection, id: RefundId) -> QueryResult<Option<RefundRow>> {
    refunds::table.find(id).select(RefundRow::as_select()).first(conn).await.optional()
}

#[derive(QueryableByName)]
struct Sum {
    #[diesel(sql_type = BigInt)]
    minor: i64,
}

/// What is reserved: asked for, and not decided.
pub async fn in_flight_minor(conn: &mut Connection, payment: PaymentId) -> QueryResult<i64> {
    let sum: Sum = sql_query(
        "SELECT coalesce(sum(amount_minor), 0)::bigint AS minor FROM payment.refunds
         WHERE payment_id = $1 AND status IN ('requested', 'pending')",
    )
    .bind::<Uuid, _>(payment)
    .get_result(conn)
    .await?;
    Ok(sum.minor)
}

/// Takes a requested refund up, if it is due by `due_by`, where that is given; until `lease_end`, and notes that the provider may be asked for it
/// right now. The row is as it was before, but for the attempt, which is the new one's. `None`: it
/// is decided, or on its way.
pub async fn take_up_refund(
    conn: &mut Connection,
    id: RefundId,
    due_by: Option<DateTime<Utc>>,
    (now, lease_end): (DateTime<Utc>, DateTime<Utc>),
) -> QueryResult<Option<RefundRow>> {
    let due_by = due_by.unwrap_or(DateTime::<Utc>::MAX_UTC);
    let requested = dsl::status.eq("requested").and(dsl::next_attempt_at.le(due_by));
    let requested = refunds::table.find(id).filter(requested).select(RefundRow::as_select());
    let found = requested.for_update().first(conn).await;
    let Some(mut row) = found.optional()? else { return Ok(None) };
    row.attempts += 1;
    diesel::update(refunds::table.find(id))
        .set((
            dsl::attempts.eq(row.attempts),
            dsl::called_at.eq(now),
            dsl::next_attempt_at.eq(lease_end),
        ))
        .execute(conn)
        .await?;
    Ok(Some(row))
}

/// Refunds that nobody works on.
pub async fn due_refunds(
    conn: &mut Connection,
    now: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<RefundId>> {
    refunds::table
        .filter(dsl::status.eq("requested").and(dsl::next_attempt_at.le(now)))
        .order(dsl::next_attempt_at)
        .limit(limit)
        .select(dsl::id)
        .load(conn)
        .await
}

/// Begins a new key. `false`: somebody else has taken the refund up.
pub async fn next_refund_key(conn: &mut Connection, row: &RefundRow) -> QueryResult<bool> {
    diesel::update(refunds::table.find(row.id))
        .filter(dsl::attempts.eq(row.attempts).and(dsl::status.eq("requested")))
        .set(dsl::key_number.eq(row.key_number + 1))
        .execute(conn)
        .await
        .map(|updated| updated == 1)
}

/// To be taken up again at that time, unless somebody else has.
pub async fn retry_refund(
    conn: &mut Connection,
    row: &RefundRow,
    at: DateTime<Utc>,
    error: &str,
) -> QueryResult<()> {
    diesel::update(refunds::table.find(row.id))
        .filter(dsl::attempts.eq(row.attempts).and(dsl::status.eq("requested")))
        .set((dsl::next_attempt_at.eq(at), dsl::last_error.eq(error)))
        .execute(conn)
        .await
        .map(drop)
}

/// The provider refused it; nothing is reserved any more. `false`: somebody else has taken it up.
pub async fn fail_refund(
    conn: &mut Connection,
    row: &RefundRow,
    error: &str,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    diesel::update(refunds::table.find(row.id))
        .filter(dsl::attempts.eq(row.attempts).and(dsl::status.eq("requested")))
        .set((dsl::status.eq("failed"), dsl::last_error.eq(error), dsl::updated_at.eq(now)))
        .execute(conn)
        .await
        .map(|updated| updated == 1)
}

/// A refund that the provider has spoken of.
#[derive(Debug, Clone)]
pub struct RefundNews {
    pub payment_id: PaymentId,
    pub provider_refund_id: String,
    /// Ours, where the provider told it.
    pub refund_id: Option<RefundId>,
    /// `pending`, or what the facts say: `succeeded` or `failed`.
    pub status: &'static str,
}

/// Brings our refunds in step with the facts. Found by the provider's id, else by ours; what is
/// decided is never pending again. The caller has locked the payments.
pub async fn follow_refunds(
    conn: &mut Connection,
    news: &[RefundNews],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    if news.is_empty() {
        return Ok(());
    }
    sql_query(
        "UPDATE payment.refunds r
         SET provider_refund_id = t.reference, updated_at = $5,
             status = CASE WHEN t.status = 'pending' AND r.status <> 'requested'
                           THEN r.status ELSE t.status END
         FROM unnest($1, $2, $3, $4) AS t (payment_id, reference, id, status)
         WHERE r.payment_id = t.payment_id
           AND (r.provider_refund_id = t.reference
                OR (r.provider_refund_id IS NULL AND r.id = t.id
                    AND NOT EXISTS (SELECT FROM payment.refunds other
                                    WHERE other.provider = r.provider
                                      AND other.provider_refund_id = t.reference)))
           AND (r.provider_refund_id IS NULL OR r.status = 'requested'
                OR (t.status <> 'pending' AND t.status <> r.status))",
    )
    .bind::<Array<Uuid>, _>(column(news, |n| n.payment_id))
    .bind::<Array<Text>, _>(column(news, |n| &n.provider_refund_id))
    .bind::<Array<Nullable<Uuid>>, _>(column(news, |n| n.refund_id))
    .bind::<Array<Text>, _>(column(news, |n| n.status))
    .bind::<Timestamptz, _>(now)
    .execute(conn)
    .await
    .map(drop)
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = Uuid)]
    id: PaymentId,
}

/// Of each of these pledges that holds captured money twice, the payments but the one that was
/// captured first, in ascending order.
pub async fn captured_again(
    conn: &mut Connection,
    pledges: &[PledgeId],
) -> QueryResult<Vec<PaymentId>> {
    let ids: Vec<Id> = cached(
        sql_query(
            "SELECT id FROM (
                 SELECT p.id, row_number() OVER (PARTITION BY p.pledge_id ORDER BY (
                            SELECT min(f.id) FROM payment.facts f
                            WHERE f.payment_id = p.id AND f.kind = 'capture')) AS place
                 FROM (SELECT id, pledge_id, count(*) OVER (PARTITION BY pledge_id) AS paid
                       FROM payment.payments
                       WHERE pledge_id = ANY ($1) AND captured_minor > refunded_minor) p
                 WHERE paid > 1) p
             WHERE place > 1 ORDER BY id",
        )
        .bind::<Array<Uuid>, _>(pledges),
    )
    .load(conn)
    .await?;
    Ok(ids.into_iter().map(|row| row.id).collect())
}
