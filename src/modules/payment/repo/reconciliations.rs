//! What came of comparing stretches of time with the providers' books.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods, OptionalExtension,
    QueryDsl, QueryResult, Queryable, QueryableByName, SelectableHelper, sql_query,
    sql_types::{Array, Text, Timestamptz},
};
use diesel_async::RunQueryDsl;
use serde_json::Value;

use super::{
    super::schema::{
        payments,
        reconciliations::{self, dsl},
        refunds,
    },
    PaymentRow,
};
use crate::{kernel::ids::PaymentId, platform::postgres::Connection};

/// A stretch of time, without its end.
pub type Span = (DateTime<Utc>, DateTime<Utc>);

/// Takes the comparison of the first of these stretches that is neither done nor under way.
/// `None`: there is none, or another process was faster.
pub async fn claim_reconciliation(
    conn: &mut Connection,
    provider: &str,
    spans: &[Span],
    now: DateTime<Utc>,
    lease: TimeDelta,
) -> QueryResult<Option<Span>> {
    let (from, to): (Vec<_>, Vec<_>) = spans.iter().copied().unzip();
    let claimed: Option<Claimed> = sql_query(
        "INSERT INTO payment.reconciliations AS r (provider, from_at, to_at, started_at)
         SELECT $1, s.from_at, s.to_at, $4 FROM unnest($2, $3) s (from_at, to_at)
         WHERE NOT EXISTS (
             SELECT FROM payment.reconciliations o
             WHERE o.provider = $1 AND o.from_at = s.from_at
               AND (o.finished_at IS NOT NULL OR o.started_at >= $5))
         ORDER BY s.from_at LIMIT 1
         ON CONFLICT (provider, from_at) DO UPDATE SET started_at = $4
         WHERE r.finished_at IS NULL AND r.started_at < $5
         RETURNING from_at, to_at",
    )
    .bind::<Text, _>(provider)
    .bind::<Array<Timestamptz>, _>(from)
    .bind::<Array<Timestamptz>, _>(to)
    .bind::<Timestamptz, _>(now)
    .bind::<Timestamptz, _>(now - lease)
    .get_result(conn)
    .await
    .optional()?;
    Ok(claimed.map(|claimed| (claimed.from_at, claimed.to_at)))
}

#[derive(QueryableByName)]
struct Claimed {
    #[diesel(sql_type = Timestamptz)]
    from_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    to_at: DateTime<Utc>,
}

pub async fn finish_reconciliation(
    conn: &mut Connection,
    provider: &str,
    from: DateTime<Utc>,
    findings: i32,
    report: &Value,
) -> QueryResult<()> {
    diesel::update(reconciliations::table.find((provider, from)))
        .set((
            dsl::finished_at.eq(diesel::dsl::now),
            dsl::findings.eq(findings),
            dsl::report.eq(report),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// The payments that have one of these ids, or one of these names at `provider`.
pub async fn find_named(
    conn: &mut Connection,
    provider: &str,
    ids: &[PaymentId],
    names: &[&str],
) -> QueryResult<Vec<PaymentRow>> {
    let known_by = payments::provider_payment_id.assume_not_null().eq_any(names);
    payments::table
        .filter(payments::provider.eq(provider).and(payments::id.eq_any(ids).or(known_by)))
        .select(PaymentRow::as_select())
        .load(conn)
        .await
}

/// Our payments made in `[from, to)`, in the order of their ids, which grow with time.
pub async fn page_made_in(
    conn: &mut Connection,
    provider: &str,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    after: Option<PaymentId>,
    limit: i64,
) -> QueryResult<Vec<PaymentRow>> {
    let after = after.unwrap_or_else(|| first_id(from));
    payments::table
        .filter(payments::id.gt(after).and(payments::id.lt(first_id(to + TimeDelta::seconds(2)))))
        .filter(payments::provider.eq(provider))
        .filter(payments::created_at.ge(from).and(payments::created_at.lt(to)))
        .order(payments::id)
        .limit(limit)
        .select(PaymentRow::as_select())
        .load(conn)
        .await
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The provider's names of our payments, of any age, of which we asked for a refund in `[from, to)`,
/// or heard of a refund or a dispute.
pub async fn returned_in(
    conn: &mut Connection,
    provider: &str,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> QueryResult<Vec<String>> {
    let names: Vec<Name> = sql_query(
        "SELECT provider_payment_id AS name FROM payment.payments
         WHERE provider = $1 AND provider_payment_id IS NOT NULL
           AND id IN (SELECT payment_id FROM payment.facts
                      WHERE kind <> 'capture' AND recorded_at >= $2 AND recorded_at < $3
                      UNION
                      SELECT payment_id FROM payment.refunds
                      WHERE id > $4 AND id < $5 AND created_at >= $2 AND created_at < $3)",
    )
    .bind::<Text, _>(provider)
    .bind::<Timestamptz, _>(from)
    .bind::<Timestamptz, _>(to)
    .bind::<diesel::sql_types::Uuid, _>(first_id(from))
    .bind::<diesel::sql_types::Uuid, _>(first_id(to + TimeDelta::seconds(2)))
    .load(conn)
    .await?;
    Ok(names.into_iter().map(|row| row.name).collect())
}

/// A refund that the provider has accepted, and not decided as far as we have heard.
#[derive(Debug, Queryable)]
pub struct PendingRefund {
    pub provider_refund_id: String,
    pub amount_minor: i64,
}

/// Those of a payment.
pub async fn pending_refunds(
    conn: &mut Connection,
    payment: PaymentId,
) -> QueryResult<Vec<PendingRefund>> {
    let pending = refunds::payment_id.eq(payment).and(refunds::status.eq("pending"));
    refunds::table
        .filter(pending.and(refunds::provider_refund_id.is_not_null()))
        .select((refunds::provider_refund_id.assume_not_null(), refunds::amount_minor))
        .load(conn)
        .await
}

/// No identity made at this time or later is smaller (a second is left for clocks that differ).
fn first_id(at: DateTime<Utc>) -> PaymentId {
    let millis = u64::try_from((at - TimeDelta::seconds(1)).timestamp_millis()).unwrap_or(0);
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    PaymentId(uuid::Uuid::from_bytes(bytes))
}
