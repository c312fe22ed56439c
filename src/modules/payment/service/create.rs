//! Creating a payment in three phases: A writes, B calls the provider, C writes.
//!
//! The provider is called outside of any transaction, with a key derived from our row, so that any
//! repetition after a crash ends with the same payment id and one payment at the provider. Phase C
//! is fenced by the attempt's number, and goes through `decide`, so that it cannot overwrite what a
//! webhook has advanced already.

use std::time::Duration;

use diesel_async::AsyncConnection;

use super::{
    super::{
        api::{CreateAnswer, CreateRequest, Created, ProviderError},
        book::Source,
        dto::CreatePayment,
        error::PaymentError,
        model::EventKind,
        repo::PaymentRow,
    },
    PaymentService,
    begin::{Begun, Call},
    budget::Budget,
    conclude::{created, leave_open, response, tell},
    recover::idempotency_key,
};
use crate::{
    modules::auth::api::Caller,
    platform::idempotency::{self, IdempotencyKey, Refusal, StoredResponse},
};

/// A stored answer, or what the key was worth instead.
pub type Answer = Result<StoredResponse, Refusal>;

/// How often a failed payment is settled before giving up: each time another one was in the way.
const SETTLE_ROUNDS: usize = 3;

/// An attempt that is older than this does not call any more: its lease ends soon, and whoever
/// takes over must not be overtaken by it.
const STALE: Duration = Duration::from_secs(8);

impl PaymentService {
    /// Pays for a pledge, once for its key.
    pub async fn create(
        &self,
        caller: Caller,
        key: &IdempotencyKey,
        order: &CreatePayment,
    ) -> Result<Answer, PaymentError> {
        if let Some(known) = self.replays.get_near(key) {
            return Ok(Err(known));
        }
        let provider = self.providers.choose(order.provider.as_deref());
        let provider = provider.ok_or(PaymentError::UnknownProvider)?;
        if let Some(method) = &order.payment_method {
            provider.check_method(method).map_err(PaymentError::Refused)?;
        }
        let mut budget = Budget::default();
        if let Some(call) = self.phase_a_among_others(caller, key, order, provider).await? {
            return self.call_and_store(key, &call, &mut budget).await.map(Ok);
        }
        // nothing was written: the key may be a used one, which is what Redis is asked about
        if let Some(known) = self.replays.get(key).await {
            return Ok(Err(known));
        }
        for _ in 0..SETTLE_ROUNDS {
            if budget.is_spent() {
                break;
            }
            match self.phase_a(caller, key, order, provider).await? {
                Begun::Known(refusal) => {
                    self.replays.put_known(key, &refusal).await;
                    return Ok(Err(refusal));
                }
                Begun::Freed(refused) => return Err(refused),
                Begun::Unsettled(other) => {
                    self.settle(&other, Source::Sweeper, &mut budget).await?;
                }
                Begun::Call(call) => {
                    return self.call_and_store(key, &call, &mut budget).await.map(Ok);
                }
            }
        }
        Err(PaymentError::ProviderUnavailable)
    }

    /// Phases B and C.
    async fn call_and_store(
        &self,
        key: &IdempotencyKey,
        call: &Call,
        budget: &mut Budget,
    ) -> Result<StoredResponse, PaymentError> {
        let (payment, attempt) = (&call.payment, call.attempt);
        let answer = match self.call(call, budget).await {
            Ok(answer) => answer,
            Err(error) => return Err(self.give_back(key, call, error).await?),
        };
        let response = response(payment, &answer)?;
        let concluded = self.phase_c((key, attempt), payment, &answer, &response).await?;
        self.bus.wake();
        self.wake_inbox();
        if concluded.surplus {
            self.cancel_surplus(payment, created(&answer), budget).await;
        }
        if !concluded.ours {
            return Err(PaymentError::Fenced);
        }
        Ok(response)
    }

    async fn call(&self, call: &Call, budget: &mut Budget) -> Result<CreateAnswer, ProviderError> {
        let payment = &call.payment;
        let unreadable = |e: serde_json::Error| ProviderError::Refused(e.to_string());
        let request: CreateRequest =
            serde_json::from_value(payment.request.clone()).map_err(unreadable)?;
        let provider = self
            .providers
            .get(&payment.provider)
            .ok_or_else(|| ProviderError::Unavailable("not configured".into()))?;
        if call.since.elapsed() >= STALE {
            return Err(ProviderError::Unavailable("this attempt has slept too long".into()));
        }
        if call.resumed {
            return self.recover(provider, payment, &request, budget).await;
        }
        budget.call(provider.create(&request, &idempotency_key(payment))).await
    }

    /// The payment has another name already: this one was made beside it, by an attempt that had
    /// been given up. What cannot be cancelled now is found by the reconciliation.
    async fn cancel_surplus(&self, payment: &PaymentRow, surplus: &Created, budget: &mut Budget) {
        let Some(provider) = self.providers.get(&payment.provider) else { return };
        let name = &surplus.provider_payment_id;
        match budget.call(provider.cancel(name)).await {
            Ok(ended) if ended.captured_minor == 0 => {}
            outcome => {
                tracing::error!(payment_id = %payment.id, name, ?outcome, "surplus was not cancelled");
            }
        }
    }

    /// The provider gave no payment. Refused, or never sent: nothing will ever come of it, so it
    /// is closed and the key is free. No answer: the key stays with its recovery point, for the
    /// retry.
    async fn give_back(
        &self,
        key: &IdempotencyKey,
        call: &Call,
        error: ProviderError,
    ) -> Result<PaymentError, PaymentError> {
        let (payment, attempt) = (&call.payment, call.attempt);
        tracing::warn!(payment_id = %payment.id, %error, "the provider made no payment");
        let (event, error) = match error {
            ProviderError::Refused(reason) => ("create.refused", PaymentError::Refused(reason)),
            ProviderError::Paused(wait) if !call.resumed => {
                ("create.not_sent", PaymentError::ProviderPaused(wait))
            }
            error => {
                let mut conn = self.database.conn().await?;
                conn.transaction(async |conn| leave_open(conn, (key, attempt), payment).await)
                    .await?;
                return Ok(match error {
                    ProviderError::Paused(wait) => PaymentError::ProviderPaused(wait),
                    _ => PaymentError::ProviderUnavailable,
                });
            }
        };
        let mut conn = self.database.conn().await?;
        conn.transaction(async |conn| {
            if !idempotency::free(conn, key, attempt).await? {
                return Err(PaymentError::Fenced);
            }
            Ok(tell(conn, payment, EventKind::Canceled, event, None).await?)
        })
        .await?;
        self.bus.wake();
        Ok(error)
    }
}
