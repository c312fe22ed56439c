//! Creating a payment in three phases: A writes, B calls the provider, C writes.
//!
//! The provider is called outside of any transaction, with a key derived from our row, so that any
//! repetition after a crash ends with the same payment id and one payment at the provider. Phase C
//! is fenced by the attempt's number, and goes through `decide`, so that it cannot overwrite what a
//! webhook has advanced already.

use diesel_async::AsyncConnection;

use super::{
    super::{
        api::{CreateAnswer, CreateRequest, Provider, ProviderError},
        book::Source,
        dto::CreatePayment,
        error::PaymentError,
        model::EventKind,
        repo::PaymentRow,
    },
    PaymentService,
    begin::{Begun, begin},
    conclude::{conclude, leave_open, response, tell},
};
use crate::{
    modules::auth::api::Caller,
    platform::idempotency::{self, IdempotencyKey, Refusal, StoredResponse},
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
                Begun::Freed(refused) => return Err(refused),
                Begun::Unsettled(other) => self.settle(&other, Source::Sweeper).await?,
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
        let ours = conn
            .transaction(async |conn| {
                conclude(conn, (key, attempt), payment, &answer, &response).await
            })
            .await?;
        self.bus.wake();
        self.wake_inbox();
        if !ours {
            return Err(PaymentError::Fenced);
        }
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
                conn.transaction(async |conn| leave_open(conn, (key, attempt), payment).await)
                    .await?;
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
