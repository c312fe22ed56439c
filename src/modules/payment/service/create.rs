//! Creating a payment in three phases: A writes, B calls the provider, C writes.
//!
//! The provider is called outside of any transaction, with a key derived from our row, so that any
//! repetition after a crash ends with the same payment id and one payment at the provider. Phase C
//! is fenced by the attempt's number, and goes through `decide`, so that it cannot overwrite what a
//! webhook has advanced already.

use diesel_async::AsyncConnection;

use super::{
    super::{
        api::{CreateAnswer, CreateRequest, Created, Provider, ProviderError},
        book::{Book, Cause, Source},
        dto::{CreatePayment, PaymentBody},
        error::PaymentError,
        model::{EventKind, Input, PaymentStatus, ProviderEvent},
        repo::{self, PaymentRow},
    },
    PaymentService,
    begin::{Begun, begin},
};
use crate::{
    kernel::{
        clock,
        problem::{Problem, ProblemCode},
    },
    modules::auth::api::Caller,
    platform::{
        idempotency::{self, IdempotencyKey, Refusal, StoredResponse},
        postgres::Connection,
        telemetry,
    },
};

/// A stored answer, or what the key was worth instead.
pub type Answer = Result<StoredResponse, Refusal>;

/// How often a failed payment is settled before giving up: each time another one was in the way.
const SETTLE_ROUNDS: usize = 3;

impl PaymentService {
    /// Pays for a pledge, once for its key.
    pub async fn create(
        &self,
        caller: Caller,
        key: &IdempotencyKey,
        order: &CreatePayment,
    ) -> Result<Answer, PaymentError> {
        if let Some(known) = self.replays.get(key).await {
            return Ok(Err(known));
        }
        let provider = self.providers.choose(order.provider.as_deref());
        let provider = provider.ok_or(PaymentError::UnknownProvider)?;
        if let Some(method) = &order.payment_method {
            provider.check_method(method).map_err(PaymentError::Refused)?;
        }
        for _ in 0..SETTLE_ROUNDS {
            match self.phase_a(caller, key, order, provider).await? {
                Begun::Known(refusal) => return Ok(Err(refusal)),
                Begun::Unsettled(other) => self.settle(&other).await?,
                Begun::Call { payment, attempt } => {
                    return self.call_and_store(key, attempt, &payment).await.map(Ok);
                }
            }
        }
        Err(PaymentError::ProviderUnavailable)
    }

    async fn phase_a(
        &self,
        caller: Caller,
        key: &IdempotencyKey,
        order: &CreatePayment,
        provider: &dyn Provider,
    ) -> Result<Begun, PaymentError> {
        let mut conn = self.database.conn().await?;
        // an unsettled payment in the way is no failure, yet nothing of this may be committed
        let result = conn
            .transaction(async |conn| match begin(conn, caller, key, order, provider).await {
                Ok(Begun::Unsettled(other)) => Err(Stop::Unsettled(other)),
                other => other.map_err(Stop::Error),
            })
            .await;
        match result {
            Ok(begun) => {
                self.bus.wake();
                self.wake_inbox();
                Ok(begun)
            }
            Err(Stop::Unsettled(other)) => Ok(Begun::Unsettled(other)),
            Err(Stop::Error(error)) => Err(error),
        }
    }

    /// Phases B and C.
    async fn call_and_store(
        &self,
        key: &IdempotencyKey,
        attempt: i32,
        payment: &PaymentRow,
    ) -> Result<StoredResponse, PaymentError> {
        let answer = match self.call(payment).await {
            Ok(answer) => answer,
            Err(error) => return Err(self.give_back(key, attempt, payment, error).await?),
        };
        let response = response(payment, &answer)?;
        let mut conn = self.database.conn().await?;
        conn.transaction(async |conn| {
            phase_c(conn, payment, &answer).await?;
            let ours = idempotency::finish(conn, key, attempt, &response).await?;
            if ours { Ok(()) } else { Err(PaymentError::Fenced) }
        })
        .await?;
        self.bus.wake();
        self.wake_inbox();
        self.replays.put(vec![(key.clone(), response.clone())]).await;
        Ok(response)
    }

    async fn call(&self, payment: &PaymentRow) -> Result<CreateAnswer, ProviderError> {
        let unreadable = |e: serde_json::Error| ProviderError::Refused(e.to_string());
        let request: CreateRequest =
            serde_json::from_value(payment.request.clone()).map_err(unreadable)?;
        let provider = self
            .providers
            .get(&payment.provider)
            .ok_or_else(|| ProviderError::Unavailable("not configured".into()))?;
        provider.create(&request, &format!("pay_{}", payment.id)).await
    }

    /// The provider gave no payment. Refused: nothing will ever come of it, so it is closed and the
    /// key is free. No answer: the key stays with its recovery point, for the retry.
    async fn give_back(
        &self,
        key: &IdempotencyKey,
        attempt: i32,
        payment: &PaymentRow,
        error: ProviderError,
    ) -> Result<PaymentError, PaymentError> {
        tracing::warn!(payment_id = %payment.id, %error, "the provider made no payment");
        let mut conn = self.database.conn().await?;
        match error {
            ProviderError::Refused(reason) => {
                conn.transaction(async |conn| {
                    if !idempotency::free(conn, key, attempt).await? {
                        return Err(PaymentError::Fenced);
                    }
                    Ok(tell(conn, payment, EventKind::Canceled, "create.refused", None).await?)
                })
                .await?;
                self.bus.wake();
                Ok(PaymentError::Refused(reason))
            }
            ProviderError::NotFound | ProviderError::Unavailable(_) => {
                idempotency::release(&mut conn, key, attempt).await?;
                Ok(PaymentError::ProviderUnavailable)
            }
        }
    }
}

/// Why phase A's transaction is rolled back.
enum Stop {
    Unsettled(Box<PaymentRow>),
    Error(PaymentError),
}

impl From<diesel::result::Error> for Stop {
    fn from(error: diesel::result::Error) -> Self {
        Self::Error(error.into())
    }
}

/// Stores the provider's ids and what it said about the attempt.
async fn phase_c(
    conn: &mut Connection,
    payment: &PaymentRow,
    answer: &CreateAnswer,
) -> Result<(), PaymentError> {
    let created = created(answer);
    if let CreateAnswer::Declined { .. } = answer {
        tell(conn, payment, EventKind::AttemptFailed, "create.declined", Some(created)).await?;
    } else {
        repo::find_locked(conn, payment.id).await?.ok_or(PaymentError::NotFound)?;
    }
    let (secret, url) = (created.client_secret.as_deref(), created.checkout_url.as_deref());
    repo::set_provider_ids(conn, payment.id, &created.provider_payment_id, secret, url).await?;
    repo::wake_deferred(conn, &[payment.id], &[&created.provider_payment_id]).await?;
    Ok(())
}

/// Puts what the provider answered to a request of ours before `decide`.
async fn tell(
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
    let cause = Cause {
        source: Source::Api,
        event: name.to_owned(),
        provider_event_id: None,
        occurred_at: clock::now(),
        trace: telemetry::current(),
    };
    let event = ProviderEvent { kind, currency: payment.currency, captured_minor: None };
    let from = book.model(payment.id).map_or(PaymentStatus::Pending, |model| model.status);
    if let Some(decision) = book.judge(payment.id, &Input::Event(event), &cause) {
        book.record(payment.id, from, &decision, &cause);
    }
    book.store(conn).await.map(drop)
}

fn created(answer: &CreateAnswer) -> &Created {
    match answer {
        CreateAnswer::Created(created) | CreateAnswer::Declined { created, .. } => created,
    }
}

/// The answer that is stored: the payment as it was made, whatever webhooks have done to it since.
fn response(payment: &PaymentRow, answer: &CreateAnswer) -> Result<StoredResponse, PaymentError> {
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
