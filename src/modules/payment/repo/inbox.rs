//! The inbox of webhooks.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, Queryable, QueryableByName,
    Selectable, SelectableHelper, sql_query,
    sql_types::{Array, BigInt, Binary, Integer, Nullable, Text, Timestamptz, Uuid},
};
use diesel_async::RunQueryDsl;

use super::super::schema::webhook_inbox::{self, dsl};
use crate::{
    kernel::ids::PaymentId,
    platform::postgres::{Connection, cached, column},
};

/// A webhook to store.
#[derive(Debug, Clone)]
pub struct NewInboxRow {
    pub provider: &'static str,
    pub event_id: String,
    pub event_type: String,
    pub provider_payment_id: Option<String>,
    pub payment_id: Option<PaymentId>,
    pub body: Vec<u8>,
    /// SHA-256 of the body.
    pub body_hash: [u8; 32],
    /// `pending`, or `quarantined` with its reason.
    pub status: &'static str,
    pub reason: Option<String>,
    pub trace_context: Option<String>,
    pub received_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Key {
    #[diesel(sql_type = Text)]
    provider: String,
    #[diesel(sql_type = Text)]
    event_id: String,
}

#[derive(QueryableByName)]
struct Stored {
    #[diesel(sql_type = Text)]
    provider: String,
    #[diesel(sql_type = Text)]
    event_id: String,
    #[diesel(sql_type = Binary)]
    body_hash: Vec<u8>,
}

/// Stores webhooks and returns the (provider, event id) of those that were not there yet. Rows are
/// inserted in the order of their keys, so that two replicas never wait for each other in a ring.
pub async fn insert_inbox(
    conn: &mut Connection,
    rows: &[&NewInboxRow],
) -> QueryResult<Vec<(String, String)>> {
    let inserted: Vec<Key> = cached(
        sql_query(
            "INSERT INTO payment.webhook_inbox (provider, event_id, event_type,
                 provider_payment_id, payment_id, body, body_hash, status, reason, trace_context,
                 received_at)
             SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
                  AS t (provider, event_id, event_type, provider_payment_id, payment_id, body,
                        body_hash, status, reason, trace_context, received_at)
             ORDER BY provider, event_id
             ON CONFLICT (provider, event_id) DO NOTHING
             RETURNING provider, event_id",
        )
        .bind::<Array<Text>, _>(column(rows, |r| r.provider))
        .bind::<Array<Text>, _>(column(rows, |r| &r.event_id))
        .bind::<Array<Text>, _>(column(rows, |r| &r.event_type))
        .bind::<Array<Nullable<Text>>, _>(column(rows, |r| r.provider_payment_id.as_deref()))
        .bind::<Array<Nullable<Uuid>>, _>(column(rows, |r| r.payment_id))
        .bind::<Array<Binary>, _>(column(rows, |r| &r.body[..]))
        .bind::<Array<Binary>, _>(column(rows, |r| &r.body_hash[..]))
        .bind::<Array<Text>, _>(column(rows, |r| r.status))
        .bind::<Array<Nullable<Text>>, _>(column(rows, |r| r.reason.as_deref()))
        .bind::<Array<Nullable<Text>>, _>(column(rows, |r| r.trace_context.as_deref()))
        .bind::<Array<Timestamptz>, _>(column(rows, |r| r.received_at)),
    )
    .load(conn)
    .await?;
    Ok(inserted.into_iter().map(|key| (key.provider, key.event_id)).collect())
}

/// The hash of the body that each of these events was first stored with.
pub async fn hashes_of(
    conn: &mut Connection,
    rows: &[&NewInboxRow],
) -> QueryResult<HashMap<(String, String), Vec<u8>>> {
    let providers: Vec<_> = rows.iter().map(|r| r.provider).collect();
    let ids: Vec<_> = rows.iter().map(|r| &r.event_id).collect();
    let stored: Vec<Stored> = cached(
        sql_query(
            "SELECT provider, event_id, body_hash FROM payment.webhook_inbox
             WHERE (provider, event_id) IN (SELECT * FROM unnest($1, $2))",
        )
        .bind::<Array<Text>, _>(providers)
        .bind::<Array<Text>, _>(ids),
    )
    .load(conn)
    .await?;
    Ok(stored.into_iter().map(|h| ((h.provider, h.event_id), h.body_hash)).collect())
}

/// A stored webhook, as far as its application needs it.
#[derive(Debug, Clone, Queryable, Selectable, QueryableByName)]
#[diesel(table_name = webhook_inbox, check_for_backend(diesel::pg::Pg))]
pub struct InboxRow {
    pub id: i64,
    pub provider: String,
    pub event_id: String,
    pub provider_payment_id: Option<String>,
    pub payment_id: Option<PaymentId>,
    pub body: Vec<u8>,
    pub attempts: i32,
    pub trace_context: Option<String>,
    pub received_at: DateTime<Utc>,
}

/// Locks up to `limit` webhooks that are pending (above `floor`) or whose time has come again.
pub async fn claim_inbox(
    conn: &mut Connection,
    floor: i64,
    limit: i64,
) -> QueryResult<Vec<InboxRow>> {
    // the states as literals: with a plan that is kept, a partial index serves nothing that is
    // bound to its condition later
    cached(
        sql_query(
            "WITH pending AS MATERIALIZED (
                 SELECT id, provider, event_id, provider_payment_id, payment_id, body, attempts,
                        trace_context, received_at
                 FROM payment.webhook_inbox WHERE status = 'pending' AND id > $1
                 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
             ), due AS MATERIALIZED (
                 SELECT id, provider, event_id, provider_payment_id, payment_id, body, attempts,
                        trace_context, received_at
                 FROM payment.webhook_inbox WHERE status = 'deferred' AND next_attempt_at <= now()
                 ORDER BY next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED
             )
             SELECT * FROM pending UNION ALL SELECT * FROM due",
        )
        .bind::<BigInt, _>(floor)
        .bind::<BigInt, _>(limit),
    )
    .load(conn)
    .await
}

/// Locks one webhook that is not settled yet. `None`: another worker has it, or has settled it.
pub async fn lock_inbox(conn: &mut Connection, id: i64) -> QueryResult<Option<InboxRow>> {
    webhook_inbox::table
        .filter(dsl::id.eq(id))
        .filter(dsl::status.eq_any(["pending", "deferred"]))
        .select(InboxRow::as_select())
        .for_update()
        .skip_locked()
        .first(conn)
        .await
        .optional()
}

/// What became of a webhook.
#[derive(Debug, Clone)]
pub struct Settled {
    pub id: i64,
    pub status: &'static str,
    pub reason: Option<String>,
    pub attempts: i32,
    /// For deferred ones.
    pub next_attempt_at: Option<DateTime<Utc>>,
}

pub async fn settle_inbox(conn: &mut Connection, rows: &[Settled]) -> QueryResult<()> {
    cached(
        sql_query(
            "UPDATE payment.webhook_inbox i
             SET status = t.status, reason = t.reason, attempts = t.attempts,
                 next_attempt_at = t.next_attempt_at, processed_at = now()
             FROM unnest($1, $2, $3, $4, $5) AS t (id, status, reason, attempts, next_attempt_at)
             WHERE i.id = t.id",
        )
        .bind::<Array<BigInt>, _>(column(rows, |r| r.id))
        .bind::<Array<Text>, _>(column(rows, |r| r.status))
        .bind::<Array<Nullable<Text>>, _>(column(rows, |r| r.reason.as_deref()))
        .bind::<Array<Integer>, _>(column(rows, |r| r.attempts))
        .bind::<Array<Nullable<Timestamptz>>, _>(column(rows, |r| r.next_attempt_at)),
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Makes deferred webhooks of these payments due at once. Those that a worker holds are left to
/// it: it waits for the payment's lock and will see what the caller writes, or, where it knows no
/// payment to lock, looks again ([`wake_known`]).
pub async fn wake_deferred(
    conn: &mut Connection,
    payments: &[PaymentId],
    names: &[&str],
) -> QueryResult<usize> {
    cached(
        sql_query(
            "UPDATE payment.webhook_inbox SET next_attempt_at = now()
             WHERE id IN (
                 SELECT id FROM payment.webhook_inbox
                 WHERE status = 'deferred'
                   AND (payment_id = ANY ($1) OR provider_payment_id = ANY ($2))
                 FOR UPDATE SKIP LOCKED)",
        )
        .bind::<Array<Uuid>, _>(payments)
        .bind::<Array<Text>, _>(names),
    )
    .execute(conn)
    .await
}

/// Makes those of these webhooks due at once whose payment is known after all. It became known
/// while they were being put off, so that [`wake_deferred`] could not see them: a second look, after
/// they have been committed as deferred, sees what it missed.
pub async fn wake_known(conn: &mut Connection, ids: &[i64]) -> QueryResult<usize> {
    cached(
        sql_query(
            "UPDATE payment.webhook_inbox i SET next_attempt_at = now()
             WHERE i.id = ANY ($1) AND i.status = 'deferred'
               AND EXISTS (
                   SELECT FROM payment.payments p WHERE p.provider = i.provider
                      AND (p.id = i.payment_id OR p.provider_payment_id = i.provider_payment_id))",
        )
        .bind::<Array<BigInt>, _>(ids),
    )
    .execute(conn)
    .await
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = BigInt)]
    events: i64,
}

/// How many webhooks are in each state that is not final, by an index-only scan.
pub async fn count_inbox(conn: &mut Connection) -> QueryResult<Vec<(String, i64)>> {
    let counts: Vec<Count> = sql_query(
        "SELECT status, count(*) AS events FROM payment.webhook_inbox
         WHERE status IN ('deferred', 'quarantined', 'dead') GROUP BY status
         UNION ALL
         SELECT 'pending', count(*) FROM payment.webhook_inbox WHERE status = 'pending'",
    )
    .load(conn)
    .await?;
    Ok(counts.into_iter().map(|c| (c.status, c.events)).collect())
}
