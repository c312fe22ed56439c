//! The append-only tables: facts and ledger.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, QueryDsl, QueryResult, sql_query,
    sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid},
};
use diesel_async::RunQueryDsl;

use super::super::{
    model::{FactRow, LedgerDelta, UnknownWord},
    schema::facts::{self, dsl},
};
use crate::{
    kernel::{ids::PaymentId, money::Currency},
    platform::postgres::{Connection, cached, column},
};

/// The facts of these payments, each payment's in the order of their insertion.
pub async fn facts_of(
    conn: &mut Connection,
    payments: &[PaymentId],
) -> QueryResult<HashMap<PaymentId, Vec<FactRow>>> {
    type Row = (PaymentId, String, String, String, i64);
    let rows: Vec<Row> = facts::table
        .filter(dsl::payment_id.eq_any(payments))
        .order(dsl::id)
        .select((dsl::payment_id, dsl::kind, dsl::reference, dsl::state, dsl::amount_minor))
        .load(conn)
        .await?;
    let unreadable = |e: UnknownWord| diesel::result::Error::DeserializationError(Box::new(e));
    let mut by_payment: HashMap<_, Vec<_>> = HashMap::new();
    for (payment, kind, reference, state, amount_minor) in rows {
        by_payment.entry(payment).or_default().push(FactRow {
            kind: kind.parse().map_err(unreadable)?,
            reference,
            state: state.parse().map_err(unreadable)?,
            amount_minor,
        });
    }
    Ok(by_payment)
}

/// A fact to keep, and the provider's event that told it.
#[derive(Debug)]
pub struct NewFact {
    pub payment_id: PaymentId,
    pub fact: FactRow,
    pub provider_event_id: Option<String>,
}

pub async fn insert_facts(
    conn: &mut Connection,
    rows: &[NewFact],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    cached(
        sql_query(
            "INSERT INTO payment.facts (payment_id, kind, reference, state, amount_minor,
                                        provider_event_id, recorded_at)
             SELECT payment_id, kind, reference, state, amount_minor, event, $7
             FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY
                  AS t (payment_id, kind, reference, state, amount_minor, event, n)
             ORDER BY n",
        )
        .bind::<Array<Uuid>, _>(column(rows, |r| r.payment_id))
        .bind::<Array<Text>, _>(column(rows, |r| r.fact.kind.as_str()))
        .bind::<Array<Text>, _>(column(rows, |r| &r.fact.reference))
        .bind::<Array<Text>, _>(column(rows, |r| r.fact.state.as_str()))
        .bind::<Array<BigInt>, _>(column(rows, |r| r.fact.amount_minor))
        .bind::<Array<Nullable<Text>>, _>(column(rows, |r| r.provider_event_id.as_deref()))
        .bind::<Timestamptz, _>(now),
    )
    .execute(conn)
    .await
    .map(drop)
}

/// A difference for the ledger, under the version that brings it.
#[derive(Debug)]
pub struct NewEntry {
    pub payment_id: PaymentId,
    pub version: i64,
    pub delta: LedgerDelta,
    pub currency: Currency,
}

pub async fn insert_ledger(
    conn: &mut Connection,
    rows: &[NewEntry],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    cached(
        sql_query(
            "INSERT INTO payment.ledger (payment_id, version, kind, delta_minor, currency,
                                         recorded_at)
             SELECT payment_id, version, kind, delta, currency, $6
             FROM unnest($1, $2, $3, $4, $5) AS t (payment_id, version, kind, delta, currency)",
        )
        .bind::<Array<Uuid>, _>(column(rows, |r| r.payment_id))
        .bind::<Array<BigInt>, _>(column(rows, |r| r.version))
        .bind::<Array<Text>, _>(column(rows, |r| r.delta.kind.as_str()))
        .bind::<Array<BigInt>, _>(column(rows, |r| r.delta.delta_minor))
        .bind::<Array<Text>, _>(column(rows, |r| r.currency))
        .bind::<Timestamptz, _>(now),
    )
    .execute(conn)
    .await
    .map(drop)
}
