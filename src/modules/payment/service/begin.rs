//! Phase A: everything that is written before the provider is called.
//!
//! One transaction claims the key, locks the pledge (which is the claim on paying for it) and
//! stores the payment with the exact request that the provider will be sent. Whoever dies after it
//! leaves all that a retry needs.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    super::{
        api::{CaptureMethod, CreateRequest, Provider},
        book,
        dto::CreatePayment,
        error::PaymentError,
        repo::{self, HistoryRow, PaymentRow},
    },
    recover::rest,
};
use crate::{
    kernel::{clock, ids::PaymentId},
    modules::{
        auth::api::Caller,
        pledge::api::{self as pledge, LockedPledge, NotPayable},
    },
    platform::{
        event_bus::{NewEvent, publish},
        idempotency::{self, IdempotencyKey, Refusal},
        postgres::Connection,
        telemetry::{self, TraceContext},
    },
};

/// Where phase A has led.
#[derive(Debug)]
pub enum Begun {
    /// Call the provider for this payment, as this attempt.
    Call(Box<Call>),
    /// A failed payment of the pledge might still succeed: settle it with its provider first.
    Unsettled(Box<PaymentRow>),
    /// Refused for good, and the key given back: this is to be committed.
    Freed(PaymentError),
    /// The key was used before.
    Known(Refusal),
}

/// A payment to be made at its provider.
#[derive(Debug)]
pub struct Call {
    pub payment: PaymentRow,
    pub attempt: i32,
    /// A former attempt has got this far: nobody knows whether the provider has heard of it. The
    /// payment is as that one left it.
    pub resumed: bool,
    /// When phase A began. Who has slept since then does not call: others may have gone on.
    pub since: Instant,
}

const RECOVERY_POINT: &str = "payment_id";

/// How far an attempt has come whose payment is stored.
pub fn recovery_point(payment: PaymentId) -> Value {
    json!({ RECOVERY_POINT: payment })
}

/// `first_look`: the age at which the sweeper asks about it. Runs in a transaction; an error or [`Begun::Unsettled`] must roll it back.
pub async fn begin(
    conn: &mut Connection,
    caller: Caller,
    key: &IdempotencyKey,
    order: &CreatePayment,
    provider: &dyn Provider,
    first_look: TimeDelta,
) -> Result<Begun, PaymentError> {
    let since = Instant::now();
    let (attempt, recovered) = match idempotency::claim(conn, key).await?.into_execution() {
        Ok(claimed) => claimed,
        Err(refusal) => return Ok(Begun::Known(refusal)),
    };
    if let Some(point) = recovered
        && let Some(begun) = resume(conn, key, attempt, &point, order, provider).await?
    {
        return Ok(begun);
    }
    let pledge = pledge::lock(conn, order.pledge_id).await?.ok_or(PaymentError::PledgeNotFound)?;
    if !pledge.belongs_to(conn, caller).await? {
        return Err(PaymentError::PledgeNotFound);
    }
    if pledge.is_cancelled() {
        return Err(NotPayable::Cancelled.into());
    }
    for other in repo::of_pledge(conn, order.pledge_id).await? {
        match other.status.as_str() {
            "refunded" => return Err(PaymentError::NotPayable("it was paid and refunded".into())),
            "failed" if other.closed => {}
            "failed" => return Ok(Begun::Unsettled(Box::new(other))),
            _ => return Err(PaymentError::AlreadyActive(other.id)),
        }
    }
    provider.available().map_err(PaymentError::ProviderPaused)?;
    provider.check_amount(pledge.money()).map_err(PaymentError::AmountOutOfRange)?;
    let (id, trace) = (PaymentId::generate(), telemetry::current());
    let payment = new_payment(id, order, &pledge, provider.name(), trace)?;
    pledge::attach_payment(conn, pledge, id).await?;
    store_new(conn, &[(&payment, trace)], first_look).await?;
    idempotency::set_recovery_point(conn, key, attempt, &recovery_point(id)).await?;
    Ok(Begun::Call(Box::new(Call { payment, attempt, resumed: false, since })))
}

/// A former attempt has got as far as a stored payment. Whether the provider has heard of it is
/// unknown, so that nobody may be charged for a pledge that was cancelled meanwhile. `None`: that
/// payment is closed, nothing came of it; begin anew, with another recovery point.
async fn resume(
    conn: &mut Connection,
    key: &IdempotencyKey,
    attempt: i32,
    point: &Value,
    order: &CreatePayment,
    provider: &dyn Provider,
) -> Result<Option<Begun>, PaymentError> {
    let since = Instant::now();
    // the pledge first, as everywhere
    let pledge = pledge::lock(conn, order.pledge_id).await?.ok_or(PaymentError::PledgeNotFound)?;
    if pledge.is_cancelled() {
        // it stays so: the same key is judged anew, and need not hold on to the payment
        idempotency::free(conn, key, attempt).await?;
        return Ok(Some(Begun::Freed(NotPayable::Cancelled.into())));
    }
    let id: Option<PaymentId> =
        point.get(RECOVERY_POINT).and_then(|id| id.as_str()).and_then(|id| id.parse().ok());
    let payment = match id {
        Some(id) => repo::find_locked(conn, id).await?,
        None => None,
    };
    let payment = payment.ok_or(PaymentError::NotFound)?;
    if payment.closed {
        return Ok(None);
    }
    provider.available().map_err(PaymentError::ProviderPaused)?;
    if let Some(left) = rest(&payment, clock::now()) {
        return Err(PaymentError::ProviderPaused(left));
    }
    // from here on the provider may get it: a cancellation waits, or finds it
    repo::count_call(conn, payment.id, clock::now()).await?;
    Ok(Some(Begun::Call(Box::new(Call { payment, attempt, resumed: true, since }))))
}

/// The payment as it is before its provider is called. `trace`: of the request for it.
pub fn new_payment(
    id: PaymentId,
    order: &CreatePayment,
    pledge: &LockedPledge,
    provider: &str,
    trace: Option<TraceContext>,
) -> Result<PaymentRow, diesel::result::Error> {
    let (money, now) = (pledge.money(), clock::now());
    let capture_method = order.capture_method.unwrap_or(CaptureMethod::Automatic);
    let request = CreateRequest {
        payment_id: id,
        amount_minor: money.minor,
        currency: money.currency,
        capture_method,
        payment_method: order.payment_method.clone(),
        trace_context: trace.map(|trace| trace.to_string()),
    };
    let request = serde_json::to_value(request)
        .map_err(|e| diesel::result::Error::SerializationError(Box::new(e)))?;
    Ok(PaymentRow {
        id,
        pledge_id: order.pledge_id,
        campaign_id: pledge.campaign_id(),
        provider: provider.to_owned(),
        provider_payment_id: None,
        status: "pending".to_owned(),
        closed: false,
        amount_minor: money.minor,
        currency: money.currency,
        captured_minor: 0,
        refunded_minor: 0,
        disputed_minor: 0,
        amount_mismatch: false,
        capture_method: capture_method.as_str().to_owned(),
        request,
        client_secret: None,
        checkout_url: None,
        donor_hash: pledge.donor_hash().to_owned(),
        created_at: now,
        updated_at: now,
        version: 1,
        called_at: Some(now),
        create_attempt: 1,
        create_calls: 1,
        keyed_at: Some(now),
        answered_at: None,
    })
}

/// Stores payments that are about to be made, with all that follows: history, event, the first look
/// of the sweeper at the age of `first_look`. Each has the trace of the request for it.
pub async fn store_new(
    conn: &mut Connection,
    payments: &[(&PaymentRow, Option<TraceContext>)],
    first_look: TimeDelta,
) -> diesel::QueryResult<()> {
    let rows: Vec<&PaymentRow> = payments.iter().map(|(payment, _)| *payment).collect();
    let history: Vec<HistoryRow> = payments.iter().map(|(row, at)| first_entry(row, *at)).collect();
    let events = payments.iter().map(|(row, at)| book::event(row, *at));
    let events = events.collect::<diesel::QueryResult<Vec<NewEvent>>>()?;
    let looks: Vec<_> = rows.iter().map(|row| (row.id, row.created_at + first_look)).collect();
    repo::insert_new(conn, &rows).await?;
    repo::insert_history(conn, &history).await?;
    repo::insert_checks(conn, &looks).await?;
    publish(conn, &events).await?;
    for row in &rows {
        let provider = row.provider.clone();
        metrics::counter!("payments_total", "status" => "pending", "provider" => provider)
            .increment(1);
    }
    // webhooks that knew of these payments before we did need not wait for their next turn
    let ids: Vec<PaymentId> = rows.iter().map(|row| row.id).collect();
    repo::wake_deferred(conn, &ids, &[]).await.map(drop)
}

fn first_entry(payment: &PaymentRow, trace: Option<TraceContext>) -> HistoryRow {
    HistoryRow {
        id: 0,
        payment_id: payment.id,
        version: payment.version,
        from_status: None,
        to_status: payment.status.clone(),
        event: "payment.created".to_owned(),
        source: "api".to_owned(),
        provider_event_id: None,
        decision: "applied".to_owned(),
        reason: None,
        captured_minor: 0,
        refunded_minor: 0,
        disputed_minor: 0,
        trace_id: trace.map(|trace| trace.trace_id()),
        occurred_at: payment.created_at,
        recorded_at: payment.created_at,
    }
}
