//! The payments themselves.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, Queryable,
    Selectable, SelectableHelper, sql_query,
    sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid},
};
use diesel_async::RunQueryDsl;
use serde_json::Value;

use super::super::schema::payments::{self, dsl};
use crate::{
    kernel::{
        ids::{CampaignId, PaymentId, PledgeId},
        money::Currency,
    },
    platform::{
        postgres::{Connection, cached, column},
        telemetry::TraceContext,
    },
};

/// A payment as it is stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = payments, check_for_backend(diesel::pg::Pg))]
pub struct PaymentRow {
    pub id: PaymentId,
    pub pledge_id: PledgeId,
    pub campaign_id: CampaignId,
    pub provider: String,
    pub provider_payment_id: Option<String>,
    pub status: String,
    pub closed: bool,
    pub amount_minor: i64,
    pub currency: Currency,
    pub captured_minor: i64,
    pub refunded_minor: i64,
    pub disputed_minor: i64,
    pub amount_mismatch: bool,
    pub capture_method: String,
    /// The exact request that the provider is sent.
    pub request: Value,
    pub client_secret: Option<String>,
    pub checkout_url: Option<String>,
    pub donor_hash: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub version: i64,
    /// When the provider was last about to be asked for it.
    pub called_at: Option<DateTime<Utc>>,
    /// The number in the provider's idempotency key.
    pub create_attempt: i32,
    /// How often it was sent under that key,
    pub create_calls: i32,
    /// and when first.
    pub keyed_at: Option<DateTime<Utc>>,
    /// When the provider's answer to its creation was stored.
    pub answered_at: Option<DateTime<Utc>>,
}

impl PaymentRow {
    /// Has it taken money?
    pub fn is_paid(&self) -> bool {
        matches!(self.status.as_str(), "captured" | "refunded")
    }

    /// Of the request that made it.
    pub fn trace(&self) -> Option<TraceContext> {
        self.request.get("trace_context")?.as_str()?.parse().ok()
    }

    /// Could its client have the provider's answer? (The secret alone tells of rows from before
    /// the time was kept.)
    pub fn is_answered(&self) -> bool {
        self.answered_at.is_some() || self.client_secret.is_some()
    }
}

/// Stores new payments: pending, about to be sent to their provider for the first time, and not
/// named by it yet.
pub async fn insert_new(conn: &mut Connection, rows: &[&PaymentRow]) -> QueryResult<()> {
    cached(
        sql_query(
            "INSERT INTO payment.payments (id, pledge_id, campaign_id, provider, status,
                 amount_minor, currency, capture_method, request, donor_hash, created_at,
                 updated_at, called_at, keyed_at)
             SELECT id, pledge_id, campaign_id, provider, 'pending', amount, currency,
                    capture_method, request, donor_hash, at, at, at, at
             FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                  AS t (id, pledge_id, campaign_id, provider, amount, currency, capture_method,
                        request, donor_hash, at)",
        )
        .bind::<Array<Uuid>, _>(column(rows, |p| p.id))
        .bind::<Array<Uuid>, _>(column(rows, |p| p.pledge_id))
        .bind::<Array<Uuid>, _>(column(rows, |p| p.campaign_id))
        .bind::<Array<Text>, _>(column(rows, |p| &p.provider))
        .bind::<Array<BigInt>, _>(column(rows, |p| p.amount_minor))
        .bind::<Array<Text>, _>(column(rows, |p| p.currency))
        .bind::<Array<Text>, _>(column(rows, |p| &p.capture_method))
        .bind::<Array<Jsonb>, _>(column(rows, |p| &p.request))
        .bind::<Array<Text>, _>(column(rows, |p| &p.donor_hash))
        .bind::<Array<Timestamptz>, _>(column(rows, |p| p.created_at)),
    )
    .execute(conn)
    .await
    .map(drop)
}

pub async fn find(conn: &mut Connection, id: PaymentId) -> QueryResult<Option<PaymentRow>> {
    payments::table.find(id).select(PaymentRow::as_select()).first(conn).await.optional()
}

/// Reads a payment and locks it until the end of the transaction.
pub async fn find_locked(conn: &mut Connection, id: PaymentId) -> QueryResult<Option<PaymentRow>> {
    let query = payments::table.find(id).select(PaymentRow::as_select()).for_update();
    query.first(conn).await.optional()
}

/// All payments of a pledge, oldest first. The caller holds the pledge's lock.
pub async fn of_pledge(conn: &mut Connection, id: PledgeId) -> QueryResult<Vec<PaymentRow>> {
    payments::table
        .filter(dsl::pledge_id.eq(id))
        .order(dsl::id)
        .select(PaymentRow::as_select())
        .load(conn)
        .await
}

/// Those of the pledges that have, or have had, a payment. The caller holds their locks.
pub async fn with_payments(
    conn: &mut Connection,
    pledges: &[PledgeId],
) -> QueryResult<Vec<PledgeId>> {
    payments::table.filter(dsl::pledge_id.eq_any(pledges)).select(dsl::pledge_id).load(conn).await
}

/// Locks every payment that has one of these ids, or one of these names at the provider, in
/// ascending order, so that two transactions never wait for each other in a ring.
pub async fn lock_named(
    conn: &mut Connection,
    ids: &[PaymentId],
    provider: &str,
    names: &[&str],
) -> QueryResult<Vec<PaymentRow>> {
    let by_name = dsl::provider.eq(provider).and(dsl::provider_payment_id.eq_any(names));
    payments::table
        .filter(dsl::id.eq_any(ids).or(by_name))
        .order(dsl::id)
        .select(PaymentRow::as_select())
        .for_update()
        .load(conn)
        .await
}

/// Notes that the provider is about to be sent this payment once more, under the same key.
pub async fn count_call(
    conn: &mut Connection,
    id: PaymentId,
    at: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(payments::table.find(id))
        .set((dsl::called_at.eq(at), dsl::create_calls.eq(dsl::create_calls + 1)))
        .execute(conn)
        .await
        .map(drop)
}

/// Records the next key before it is used. `false`: it is another's turn, or the payment is closed.
pub async fn begin_next_key(
    conn: &mut Connection,
    next: &PaymentRow,
    at: DateTime<Utc>,
) -> QueryResult<bool> {
    let begun = diesel::update(payments::table.find(next.id))
        .filter(dsl::create_attempt.eq(next.create_attempt - 1).and(dsl::closed.eq(false)))
        .set((
            dsl::create_attempt.eq(next.create_attempt),
            dsl::create_calls.eq(1),
            dsl::keyed_at.eq(at),
            dsl::called_at.eq(at),
        ));
    begun.execute(conn).await.map(|updated| updated == 1)
}

/// Notes that the provider may be asked for this payment right now.
pub async fn stamp_call(
    conn: &mut Connection,
    id: PaymentId,
    at: DateTime<Utc>,
) -> QueryResult<()> {
    let stamp = diesel::update(payments::table.find(id)).set(dsl::called_at.eq(at));
    stamp.execute(conn).await.map(drop)
}

/// Notes that the provider may have been asked, until `at`, for payments that it would be searched
/// for. Returns how many they are.
pub async fn stamp_lost_calls(conn: &mut Connection, at: DateTime<Utc>) -> QueryResult<usize> {
    let searched = dsl::provider_payment_id.is_null().or(dsl::create_attempt.gt(1));
    diesel::update(payments::table.filter(searched)).set(dsl::called_at.eq(at)).execute(conn).await
}

/// Stores what may change of locked payments.
pub async fn update_many(conn: &mut Connection, rows: &[&PaymentRow]) -> QueryResult<()> {
    cached(
        sql_query(
            "UPDATE payment.payments p
             SET status = t.status, closed = t.closed, captured_minor = t.captured,
                 refunded_minor = t.refunded, disputed_minor = t.disputed,
                 amount_mismatch = t.mismatch, provider_payment_id = t.provider_payment_id,
                 updated_at = t.updated_at, version = t.version
             FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                  AS t (id, status, closed, captured, refunded, disputed, mismatch,
                        provider_payment_id, updated_at, version)
             WHERE p.id = t.id",
        )
        .bind::<Array<Uuid>, _>(column(rows, |p| p.id))
        .bind::<Array<Text>, _>(column(rows, |p| &p.status))
        .bind::<Array<Bool>, _>(column(rows, |p| p.closed))
        .bind::<Array<BigInt>, _>(column(rows, |p| p.captured_minor))
        .bind::<Array<BigInt>, _>(column(rows, |p| p.refunded_minor))
        .bind::<Array<BigInt>, _>(column(rows, |p| p.disputed_minor))
        .bind::<Array<Bool>, _>(column(rows, |p| p.amount_mismatch))
        .bind::<Array<Nullable<Text>>, _>(column(rows, |p| p.provider_payment_id.as_deref()))
        .bind::<Array<Timestamptz>, _>(column(rows, |p| p.updated_at))
        .bind::<Array<BigInt>, _>(column(rows, |p| p.version)),
    )
    .execute(conn)
    .await
    .map(drop)
}
