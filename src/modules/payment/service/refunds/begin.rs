//! Phase A: the reservation, or what the key was worth instead.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    super::super::{
        book::Source,
        dto::CreateRefund,
        error::PaymentError,
        providers::Providers,
        repo::{self, HistoryRow, PaymentRow, RefundRow},
    },
    super::audit,
    LEASE,
    store::response,
};
use crate::{
    kernel::{
        clock,
        ids::{PaymentId, RefundId, UserId},
        money::Money,
    },
    platform::{
        audit::Author,
        idempotency::{self, IdempotencyKey, Refusal, StoredResponse},
        postgres::Connection,
        telemetry,
    },
};

/// Where phase A has led.
pub enum Begun {
    /// Call the provider for this refund, as this attempt.
    Call { taken: Box<Taken>, attempt: i32 },
    /// A former attempt, or the worker, has brought it to its end.
    Done(StoredResponse),
    /// The key was used before.
    Known(Refusal),
}

/// A refund that is ours to ask the provider for.
pub struct Taken {
    pub row: RefundRow,
    /// When somebody was last about to ask for it; none has, before.
    pub asked_before: Option<DateTime<Utc>>,
    /// When it was taken up.
    pub at: DateTime<Utc>,
}

impl Taken {
    /// Takes up a refund that is `requested`; if it is due by `due_by`, where that is given.
    pub async fn up(
        conn: &mut Connection,
        id: RefundId,
        due_by: Option<DateTime<Utc>>,
    ) -> Result<Option<Self>, diesel::result::Error> {
        let at = clock::now();
        let row = repo::take_up_refund(conn, id, due_by, (at, at + LEASE)).await?;
        Ok(row.map(|row| Self { asked_before: row.called_at, row, at }))
    }
}

const RECOVERY_POINT: &str = "refund_id";

/// Of the stored request: `null` where the provider's name for the payment was not known.
pub const PROVIDER_PAYMENT_ID: &str = "provider_payment_id";

pub fn point(id: RefundId) -> Value {
    json!({ RECOVERY_POINT: id })
}

/// Runs in a transaction; an error must roll it back.
pub async fn begin(
    conn: &mut Connection,
    author: &Author,
    key: &IdempotencyKey,
    payment: PaymentId,
    order: &CreateRefund,
    providers: &Providers,
) -> Result<Begun, PaymentError> {
    let (attempt, recovered) = match idempotency::claim(conn, key).await?.into_execution() {
        Ok(claimed) => claimed,
        Err(refusal) => return Ok(Begun::Known(refusal)),
    };
    if let Some(recovered) = recovered {
        return resume(conn, key, attempt, &recovered).await;
    }
    let payment = repo::find_locked(conn, payment).await?.ok_or(PaymentError::NotFound)?;
    let available = available_minor(conn, &payment).await?;
    let amount = order.amount_minor.unwrap_or(available);
    if !(1..=available).contains(&amount) {
        return Err(PaymentError::RefundExceeds { available_minor: available });
    }
    expressible(providers, &payment, amount)?;
    let admin = author.actor_id.map(UserId);
    let row = reservation(&payment, amount, order.reason.clone(), admin);
    reserve(conn, &payment, &row).await?;
    audit::refund(conn, author, &payment, &row, available).await?;
    idempotency::set_recovery_point(conn, key, attempt, &point(row.id)).await?;
    let taken = Box::new(Taken { asked_before: None, at: row.created_at, row });
    Ok(Begun::Call { taken, attempt })
}

/// A former attempt has reserved.
async fn resume(
    conn: &mut Connection,
    key: &IdempotencyKey,
    attempt: i32,
    recovered: &Value,
) -> Result<Begun, PaymentError> {
    let id = recovered.get(RECOVERY_POINT).and_then(Value::as_str).and_then(|id| id.parse().ok());
    let id = id.ok_or(PaymentError::RefundNotFound)?;
    if let Some(taken) = Taken::up(conn, id, None).await? {
        return Ok(Begun::Call { taken: Box::new(taken), attempt });
    }
    let row = repo::find_refund(conn, id).await?.ok_or(PaymentError::RefundNotFound)?;
    let stored = response(&row)?;
    idempotency::finish(conn, key, attempt, &stored).await?;
    Ok(Begun::Done(stored))
}

/// What can still be given back: at least 0. The caller has locked the payment.
pub async fn available_minor(
    conn: &mut Connection,
    payment: &PaymentRow,
) -> Result<i64, diesel::result::Error> {
    let in_flight = repo::in_flight_minor(conn, payment.id).await?;
    let left = payment.captured_minor - payment.refunded_minor - payment.disputed_minor;
    Ok((left - in_flight).max(0))
}

/// Whether the payment's provider can be asked for this amount, before anything is reserved.
pub fn expressible(
    providers: &Providers,
    payment: &PaymentRow,
    amount_minor: i64,
) -> Result<(), PaymentError> {
    let provider = providers.get(&payment.provider).ok_or(PaymentError::ProviderUnavailable)?;
    let amount = Money::new(amount_minor, payment.currency);
    provider.check_amount(amount).map_err(PaymentError::AmountOutOfRange)
}

/// A refund about to be asked for; `requested_by` nobody: by policy.
pub fn reservation(
    payment: &PaymentRow,
    amount_minor: i64,
    reason: Option<String>,
    requested_by: Option<UserId>,
) -> RefundRow {
    let (id, now) = (RefundId::generate(), clock::now());
    // the provider may not have named it yet: its name is looked for before the call, and stays
    let request = json!({
        "refund_id": id,
        "payment_id": payment.id,
        PROVIDER_PAYMENT_ID: payment.provider_payment_id,
        "amount_minor": amount_minor,
        "currency": payment.currency,
    });
    RefundRow {
        id,
        payment_id: payment.id,
        provider: payment.provider.clone(),
        provider_refund_id: None,
        amount_minor,
        currency: payment.currency,
        status: "requested".to_owned(),
        reason,
        requested_by,
        request,
        key_number: 1,
        attempts: 1,
        called_at: Some(now),
        next_attempt_at: now + LEASE,
        last_error: None,
        created_at: now,
        updated_at: now,
        run_id: None,
    }
}

/// A refund that the worker is to ask for at once.
pub fn for_worker(row: RefundRow) -> RefundRow {
    RefundRow { called_at: None, next_attempt_at: row.created_at, attempts: 0, ..row }
}

/// Stores it, with its line in the history. `false`: by policy, or of this run, the payment has one
/// already.
pub async fn reserve(
    conn: &mut Connection,
    payment: &PaymentRow,
    row: &RefundRow,
) -> Result<bool, diesel::result::Error> {
    if !repo::insert_refund(conn, row).await? {
        return Ok(false);
    }
    let source = if row.requested_by.is_some() { Source::Admin } else { Source::Sweeper };
    repo::insert_history(conn, &[line(payment, "refund.requested", source)]).await?;
    metrics::counter!("refunds_total", "status" => "requested", "provider" => row.provider.clone())
        .increment(1);
    Ok(true)
}

/// A line of the history that leaves the payment as it is.
pub fn line(payment: &PaymentRow, event: &str, source: Source) -> HistoryRow {
    let now = clock::now();
    HistoryRow {
        id: 0,
        payment_id: payment.id,
        version: payment.version,
        from_status: Some(payment.status.clone()),
        to_status: payment.status.clone(),
        event: event.to_owned(),
        source: source.as_str().to_owned(),
        provider_event_id: None,
        decision: "applied".to_owned(),
        reason: None,
        captured_minor: payment.captured_minor,
        refunded_minor: payment.refunded_minor,
        disputed_minor: payment.disputed_minor,
        trace_id: telemetry::current().map(|trace| trace.trace_id()),
        occurred_at: now,
        recorded_at: now,
    }
}
