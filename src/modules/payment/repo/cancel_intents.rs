//! Cancellations that have to be carried out at the provider.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, QueryDsl, QueryResult, Queryable, Selectable, SelectableHelper, sql_query,
    sql_types::{Array, Uuid},
};
use diesel_async::RunQueryDsl;

use super::super::schema::cancel_intents::{self, dsl};
use crate::{
    kernel::ids::{PaymentId, PledgeId},
    platform::postgres::{Connection, cached},
};

/// A payment to cancel.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = cancel_intents, check_for_backend(diesel::pg::Pg))]
pub struct CancelIntent {
    pub payment_id: PaymentId,
    pub attempts: i32,
}

/// Notes that whatever could still be captured for these pledges has to be cancelled.
pub async fn insert_intents(conn: &mut Connection, pledges: &[PledgeId]) -> QueryResult<usize> {
    cached(
        sql_query(
            "INSERT INTO payment.cancel_intents (payment_id)
             SELECT id FROM payment.payments
             WHERE pledge_id = ANY ($1) AND NOT closed
               AND status IN ('pending', 'failed', 'authorized')
             ON CONFLICT (payment_id) DO NOTHING",
        )
        .bind::<Array<Uuid>, _>(pledges),
    )
    .execute(conn)
    .await
}

/// Asks for the cancellation of a payment that is closed already: the provider may have got it after
/// it was found to have nothing. Whoever works on the intent right now can no longer finish it.
/// The caller has locked the payment.
pub async fn demand_cancel(conn: &mut Connection, payment: PaymentId) -> QueryResult<bool> {
    let demanded = cached(
        sql_query(
            "INSERT INTO payment.cancel_intents (payment_id)
             SELECT id FROM payment.payments WHERE id = $1 AND closed
             ON CONFLICT (payment_id) DO UPDATE
             SET done_at = NULL, next_attempt_at = now(), attempts = cancel_intents.attempts + 1",
        )
        .bind::<Uuid, _>(payment),
    )
    .execute(conn)
    .await?;
    Ok(demanded == 1)
}

/// Is the payment to be cancelled, and is not yet?
pub async fn has_intent(conn: &mut Connection, payment: PaymentId) -> QueryResult<bool> {
    let open = cancel_intents::table.find(payment).filter(dsl::done_at.is_null());
    diesel::select(diesel::dsl::exists(open)).get_result(conn).await
}

/// Takes up to `limit` due intents, and puts them off until `until`: if this process dies, another
/// takes them up again then. The number of attempts is that of this one: it fences out the others.
pub async fn claim_due_intents(
    conn: &mut Connection,
    until: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<CancelIntent>> {
    let mut due: Vec<CancelIntent> = cancel_intents::table
        .filter(dsl::done_at.is_null())
        .filter(dsl::next_attempt_at.le(diesel::dsl::now))
        .order(dsl::next_attempt_at)
        .limit(limit)
        .select(CancelIntent::as_select())
        .for_update()
        .skip_locked()
        .load(conn)
        .await?;
    if !due.is_empty() {
        let ids: Vec<PaymentId> = due.iter().map(|intent| intent.payment_id).collect();
        diesel::update(cancel_intents::table.filter(dsl::payment_id.eq_any(&ids)))
            .set((dsl::next_attempt_at.eq(until), dsl::attempts.eq(dsl::attempts + 1)))
            .execute(conn)
            .await?;
        for intent in &mut due {
            intent.attempts += 1;
        }
    }
    Ok(due)
}

/// Nothing happens where the intent was taken over or renewed meanwhile.
pub async fn finish_intent(conn: &mut Connection, intent: &CancelIntent) -> QueryResult<()> {
    diesel::update(cancel_intents::table.find(intent.payment_id))
        .filter(dsl::attempts.eq(intent.attempts))
        .set(dsl::done_at.eq(diesel::dsl::now))
        .execute(conn)
        .await
        .map(drop)
}

/// Nothing happens where the intent was taken over or renewed meanwhile.
pub async fn retry_intent(
    conn: &mut Connection,
    intent: &CancelIntent,
    at: DateTime<Utc>,
    error: &str,
) -> QueryResult<()> {
    diesel::update(cancel_intents::table.find(intent.payment_id))
        .filter(dsl::attempts.eq(intent.attempts))
        .set((dsl::next_attempt_at.eq(at), dsl::last_error.eq(error)))
        .execute(conn)
        .await
        .map(drop)
}
