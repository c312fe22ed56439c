//! The end of a creation: what the provider answered, stored.

use super::super::{
    api::{CreateAnswer, Created},
    book::{Book, Cause, Source},
    dto::PaymentBody,
    error::PaymentError,
    model::{EventKind, Input, PaymentStatus, ProviderEvent},
    repo::{self, Named, PaymentRow},
};
use crate::{
    kernel::{
        clock,
        ids::PaymentId,
        problem::{Problem, ProblemCode},
    },
    platform::{
        idempotency::{self, IdempotencyKey, StoredResponse},
        postgres::Connection,
        telemetry,
    },
};

/// What became of an answer.
pub struct Concluded {
    /// No other attempt has taken over. If one has, it decides; only what the provider has made is
    /// noted.
    pub ours: bool,
    /// The payment has another name at the provider already.
    pub surplus: bool,
}

/// Phase C: finishes the key, then stores the provider's ids and what it said about the attempt.
pub async fn conclude(
    conn: &mut Connection,
    (key, attempt): (&IdempotencyKey, i32),
    payment: &PaymentRow,
    answer: &CreateAnswer,
    response: &StoredResponse,
) -> Result<Concluded, PaymentError> {
    // the key first, as everywhere
    let ours = idempotency::finish(conn, key, attempt, response).await?;
    let created = created(answer);
    if let (true, CreateAnswer::Declined { .. }) = (ours, answer) {
        tell(conn, payment, EventKind::AttemptFailed, "create.declined", Some(created)).await?;
    }
    let surplus = !adopt(conn, payment, created).await?;
    Ok(Concluded { ours, surplus })
}

/// Notes what the provider has made. A payment that was closed meanwhile (nothing of it was found,
/// then) has to be cancelled there after all. `false`: it has another name, which stays.
async fn adopt(
    conn: &mut Connection,
    payment: &PaymentRow,
    created: &Created,
) -> Result<bool, PaymentError> {
    let now = repo::find_locked(conn, payment.id).await?.ok_or(PaymentError::NotFound)?;
    let name = &created.provider_payment_id;
    let named = repo::set_provider_ids(conn, &created.of(payment.id)).await?;
    if !named {
        let known = now.provider_payment_id.unwrap_or_default();
        tracing::error!(payment_id = %payment.id, known, name, "the provider has two names for it");
        metrics::counter!("provider_id_conflicts_total", "provider" => payment.provider.clone())
            .increment(1);
    }
    if repo::demand_cancel(conn, payment.id).await? {
        tracing::warn!(payment_id = %payment.id, "made after it was closed; to be cancelled");
    }
    repo::wake_deferred(conn, &[payment.id], &[name]).await?;
    Ok(named)
}

/// The provider gave no answer: for all we know it is about to make the payment just now.
pub async fn leave_open(
    conn: &mut Connection,
    (key, attempt): (&IdempotencyKey, i32),
    payment: &PaymentRow,
) -> Result<(), diesel::result::Error> {
    idempotency::release(conn, key, attempt).await?;
    repo::stamp_call(conn, payment.id, clock::now()).await?;
    repo::demand_cancel(conn, payment.id).await.map(drop)
}

/// Puts what the provider answered to a request of ours before `decide`.
pub async fn tell(
    conn: &mut Connection,
    payment: &PaymentRow,
    kind: EventKind,
    name: &str,
    created: Option<&Created>,
) -> Result<(), diesel::result::Error> {
    let mut book = Book::open(conn, &payment.provider, &[payment.id], &[]).await?;
    if let Some(created) = created {
        book.name(payment.id, &created.provider_payment_id);
    }
    let cause = Cause::own(Source::Api, name);
    let event = ProviderEvent { kind, currency: payment.currency, captured_minor: None };
    let from = book.model(payment.id).map_or(PaymentStatus::Pending, |model| model.status);
    if let Some(decision) = book.judge(payment.id, &Input::Event(event), &cause) {
        book.record(payment.id, from, &decision, &cause);
    }
    book.store(conn).await.map(drop)
}

impl Created {
    /// As it is stored.
    pub(super) fn of(&self, payment: PaymentId) -> Named<'_> {
        Named {
            id: payment,
            provider_payment_id: &self.provider_payment_id,
            client_secret: self.client_secret.as_deref(),
            checkout_url: self.checkout_url.as_deref(),
        }
    }
}

pub fn created(answer: &CreateAnswer) -> &Created {
    match answer {
        CreateAnswer::Created(created) | CreateAnswer::Declined { created, .. } => created,
    }
}

/// The answer that is stored: the payment as it was made, whatever webhooks have done to it since.
pub fn response(
    payment: &PaymentRow,
    answer: &CreateAnswer,
) -> Result<StoredResponse, PaymentError> {
    let unwritable = |e: serde_json::Error| diesel::result::Error::SerializationError(Box::new(e));
    if let CreateAnswer::Declined { reason, .. } = answer {
        let detail = format!("the provider declined: {reason}");
        let problem = Problem::new(ProblemCode::PaymentDeclined, detail)
            .with("payment_id", payment.id.to_string());
        let trace_id = telemetry::current().map(|t| t.trace_id()).unwrap_or_default();
        let body = problem.body("/api/v1/payments", &trace_id).to_string();
        return Ok(StoredResponse { status: 402, body });
    }
    let created = created(answer);
    let made = PaymentRow {
        provider_payment_id: Some(created.provider_payment_id.clone()),
        status: PaymentStatus::Pending.as_str().to_owned(),
        closed: false,
        captured_minor: 0,
        refunded_minor: 0,
        disputed_minor: 0,
        amount_mismatch: false,
        client_secret: created.client_secret.clone(),
        checkout_url: created.checkout_url.clone(),
        updated_at: payment.created_at,
        version: 1,
        ..payment.clone()
    };
    let body = serde_json::to_string(&PaymentBody::new(made, true)).map_err(unwritable)?;
    Ok(StoredResponse { status: 201, body })
}
