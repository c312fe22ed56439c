//! The append-only history of decisions.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, QueryDsl, QueryResult, Queryable, Selectable, SelectableHelper, sql_query,
    sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid},
};
use diesel_async::RunQueryDsl;

use super::super::schema::history::{self, dsl};
use crate::{
    kernel::ids::PaymentId,
    platform::postgres::{Connection, cached, column},
};

/// One decision. `id` is given by the database.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = history, check_for_backend(diesel::pg::Pg))]
pub struct HistoryRow {
    pub id: i64,
    pub payment_id: PaymentId,
    pub version: i64,
    pub from_status: Option<String>,
    pub to_status: String,
    pub event: String,
    pub source: String,
    pub provider_event_id: Option<String>,
    pub decision: String,
    pub reason: Option<String>,
    pub captured_minor: i64,
    pub refunded_minor: i64,
    pub disputed_minor: i64,
    pub trace_id: Option<String>,
    pub occurred_at: DateTime<Utc>,
    pub recorded_at: DateTime<Utc>,
}

/// A page of a payment's history, oldest first, and one row more if there is one.
pub async fn page_of_history(
    conn: &mut Connection,
    payment: PaymentId,
    after: Option<i64>,
    limit: i64,
) -> QueryResult<Vec<HistoryRow>> {
    history::table
        .filter(dsl::payment_id.eq(payment))
        .filter(dsl::id.gt(after.unwrap_or(0)))
        .order(dsl::id)
        .limit(limit + 1)
        .select(HistoryRow::as_select())
        .load(conn)
        .await
}

pub async fn insert_history(conn: &mut Connection, rows: &[HistoryRow]) -> QueryResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    cached(
        sql_query(
            "INSERT INTO payment.history (payment_id, version, from_status, to_status, event,
                 source, provider_event_id, decision, reason, captured_minor, refunded_minor,
                 disputed_minor, trace_id, occurred_at, recorded_at)
             SELECT payment_id, version, from_status, to_status, event, source, provider_event_id,
                    decision, reason, captured, refunded, disputed, trace_id, occurred_at,
                    recorded_at
             FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
                  WITH ORDINALITY
                  AS t (payment_id, version, from_status, to_status, event, source,
                        provider_event_id, decision, reason, captured, refunded, disputed,
                        trace_id, occurred_at, recorded_at, n)
             ORDER BY n",
        )
        .bind::<Array<Uuid>, _>(column(rows, |r| r.payment_id))
        .bind::<Array<BigInt>, _>(column(rows, |r| r.version))
        .bind::<Array<Nullable<Text>>, _>(column(rows, |r| r.from_status.as_deref()))
        .bind::<Array<Text>, _>(column(rows, |r| &r.to_status))
        .bind::<Array<Text>, _>(column(rows, |r| &r.event))
        .bind::<Array<Text>, _>(column(rows, |r| &r.source))
        .bind::<Array<Nullable<Text>>, _>(column(rows, |r| r.provider_event_id.as_deref()))
        .bind::<Array<Text>, _>(column(rows, |r| &r.decision))
        .bind::<Array<Nullable<Text>>, _>(column(rows, |r| r.reason.as_deref()))
        .bind::<Array<BigInt>, _>(column(rows, |r| r.captured_minor))
        .bind::<Array<BigInt>, _>(column(rows, |r| r.refunded_minor))
        .bind::<Array<BigInt>, _>(column(rows, |r| r.disputed_minor))
        .bind::<Array<Nullable<Text>>, _>(column(rows, |r| r.trace_id.as_deref()))
        .bind::<Array<Timestamptz>, _>(column(rows, |r| r.occurred_at))
        .bind::<Array<Timestamptz>, _>(column(rows, |r| r.recorded_at)),
    )
    .execute(conn)
    .await
    .map(drop)
}
