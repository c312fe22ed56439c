//! Claims and marks are batches, and planned anew each time: a plan kept from when the table was
//! empty would read all of it at every look once it has grown.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz},
};
use diesel_async::RunQueryDsl;

use super::super::{schema::events, webhook::NewEvent};
use crate::platform::postgres::{Connection, cached, column};

pub async fn insert_events(conn: &mut Connection, events: &[&NewEvent]) -> QueryResult<()> {
    if events.is_empty() {
        return Ok(());
    }
    let query = diesel::sql_query(
        "INSERT INTO sandbox.events (event_id, provider_payment_id, type, body, trace_context,
             created_at, copies, after_event, after_acknowledged, next_attempt_at)
         SELECT event_id, payment, type, body, trace, at, copies, after, acknowledged, next
         FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) WITH ORDINALITY
              AS t (event_id, payment, type, body, trace, at, copies, after, acknowledged, next, n)
         ORDER BY n",
    );
    let query = query
        .bind::<Array<Text>, _>(column(events, |e| &e.event_id))
        .bind::<Array<Text>, _>(column(events, |e| &e.provider_payment_id))
        .bind::<Array<Text>, _>(column(events, |e| e.event_type))
        .bind::<Array<Text>, _>(column(events, |e| &e.body))
        .bind::<Array<Nullable<Text>>, _>(column(events, |e| e.trace_context.as_deref()))
        .bind::<Array<Timestamptz>, _>(column(events, |e| e.created_at))
        .bind::<Array<Integer>, _>(column(events, |e| e.copies))
        .bind::<Array<Nullable<Text>>, _>(column(events, |e| e.after_event.as_deref()))
        .bind::<Array<Bool>, _>(column(events, |e| e.after_acknowledged))
        .bind::<Array<Nullable<Timestamptz>>, _>(column(events, |e| e.next_attempt_at));
    cached(query).execute(conn).await.map(drop)
}

/// An event on loan to this replica, to be sent before the loan ends.
#[derive(Debug, Clone, QueryableByName)]
pub struct Claimed {
    #[diesel(sql_type = Text)]
    pub event_id: String,
    #[diesel(sql_type = Text)]
    pub body: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub trace_context: Option<String>,
    #[diesel(sql_type = Integer)]
    pub copies: i32,
    /// This one included.
    #[diesel(sql_type = Integer)]
    pub attempts: i32,
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime<Utc>,
}

/// What the lookout asks: is any event to be sent?
pub const EVENTS_DUE: &str = "SELECT 1 FROM sandbox.events WHERE next_attempt_at <= now()";

/// Borrows up to `limit` due events until `lease_end`; whoever dies lets them fall due again.
pub async fn claim_due(
    conn: &mut Connection,
    now: DateTime<Utc>,
    lease_end: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<Claimed>> {
    let query = diesel::sql_query(
        "WITH due AS MATERIALIZED (
             SELECT seq FROM sandbox.events WHERE next_attempt_at <= $1
             ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED
         )
         UPDATE sandbox.events e SET attempts = attempts + 1, next_attempt_at = $2
         FROM due WHERE e.seq = due.seq
         RETURNING e.event_id, e.body, e.trace_context, e.copies, e.attempts, e.created_at",
    );
    let query = query.bind::<Timestamptz, _>(now).bind::<Timestamptz, _>(lease_end);
    query.bind::<BigInt, _>(limit).load(conn).await
}

/// How an attempt ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub event_id: String,
    pub acknowledged: bool,
    /// When to try again, if at all.
    pub next_attempt_at: Option<DateTime<Utc>>,
}

/// Notes a batch of outcomes, and lets the events that waited for them fall due; returns how many.
/// An acknowledgement is never taken back by a slower replica's failure.
pub async fn mark(
    conn: &mut Connection,
    outcomes: &[Outcome],
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    let ids: Vec<_> = outcomes.iter().map(|o| o.event_id.as_str()).collect();
    let acknowledged: Vec<_> = outcomes.iter().map(|o| o.acknowledged).collect();
    let next: Vec<_> = outcomes.iter().map(|o| o.next_attempt_at).collect();
    let query = diesel::sql_query(
        "WITH outcome AS (
             SELECT * FROM unnest($1, $2, $3) AS o(event_id, acknowledged, next_attempt_at)
         ), marked AS (
             UPDATE sandbox.events e
             SET delivered_at = CASE WHEN o.acknowledged THEN $4 END,
                 next_attempt_at = o.next_attempt_at
             FROM outcome o WHERE e.event_id = o.event_id AND e.delivered_at IS NULL
         )
         UPDATE sandbox.events e SET next_attempt_at = $4
         FROM outcome o
         WHERE e.after_event = o.event_id AND e.attempts = 0 AND e.copies > 0
           AND e.next_attempt_at IS NULL AND (o.acknowledged OR NOT e.after_acknowledged)",
    );
    let query = query
        .bind::<Array<Text>, _>(ids)
        .bind::<Array<Bool>, _>(acknowledged)
        .bind::<Array<Nullable<Timestamptz>>, _>(next);
    query.bind::<Timestamptz, _>(now).execute(conn).await
}

/// An event, and how far it has got.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = events, check_for_backend(diesel::pg::Pg))]
pub struct Delivery {
    pub seq: i64,
    pub event_id: String,
    pub event_type: String,
    pub created_at: DateTime<Utc>,
    pub copies: i32,
    pub attempts: i32,
    pub delivered_at: Option<DateTime<Utc>>,
}

/// The events of a payment, oldest first.
pub async fn list_deliveries(
    conn: &mut Connection,
    payment: &str,
    after: i64,
    limit: i64,
) -> QueryResult<Vec<Delivery>> {
    events::table
        .filter(events::provider_payment_id.eq(payment))
        .filter(events::seq.gt(after))
        .order(events::seq)
        .limit(limit)
        .select(Delivery::as_select())
        .load(conn)
        .await
}

/// An event, as it was or would have been sent.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = events, check_for_backend(diesel::pg::Pg))]
pub struct Said {
    pub seq: i64,
    pub event_id: String,
    pub body: String,
}

/// All that was said after `after`, and not before `since`, oldest first. Runs in a transaction:
/// it waits for those who are just about to say something, for they may hold a lower number than
/// what is there already, and would be passed over for good.
pub async fn list_said(
    conn: &mut Connection,
    since: Option<DateTime<Utc>>,
    after: i64,
    limit: i64,
) -> QueryResult<Vec<Said>> {
    diesel::sql_query("SET LOCAL lock_timeout = '2s'").execute(conn).await?;
    diesel::sql_query("LOCK TABLE sandbox.events IN SHARE MODE").execute(conn).await?;
    let mut query = events::table.filter(events::seq.gt(after)).into_boxed();
    if let Some(since) = since {
        query = query.filter(events::created_at.ge(since));
    }
    query.order(events::seq).limit(limit).select(Said::as_select()).load(conn).await
}

/// Makes all events of a payment due again, each `copies` times.
pub async fn send_again(
    conn: &mut Connection,
    payment: &str,
    copies: i32,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(events::table.filter(events::provider_payment_id.eq(payment)))
        .set((
            events::copies.eq(copies),
            events::next_attempt_at.eq(now),
            events::delivered_at.eq(None::<DateTime<Utc>>),
        ))
        .execute(conn)
        .await
}
