//! By hand: capturing what is held, and cancelling what is not captured.

use diesel_async::AsyncConnection;
use serde_json::json;

use super::{
    super::{
        api::{ProviderError, ProviderPayment},
        book::Source,
        dto::PaymentBody,
        error::PaymentError,
        repo::{self, PaymentRow},
    },
    PaymentService, audit,
    budget::Budget,
    create::Answer,
    settle::apply_snapshot,
};
use crate::{
    kernel::ids::PaymentId,
    platform::{
        audit::Author,
        idempotency::{self, IdempotencyKey, Refusal, StoredResponse},
        postgres::Connection,
    },
};

/// What an administrator does to a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Capture,
    Cancel,
}

/// Where phase A has led.
enum Begun {
    Call(Box<PaymentRow>, i32),
    Done(StoredResponse),
    Known(Refusal),
}

impl Act {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Cancel => "cancel",
        }
    }

    fn is_possible(self, payment: &PaymentRow) -> bool {
        match self {
            Self::Capture => payment.status == "authorized",
            Self::Cancel => {
                matches!(payment.status.as_str(), "pending" | "failed" | "authorized")
                    && !payment.closed
            }
        }
    }

    fn is_done(self, payment: &PaymentRow) -> bool {
        match self {
            Self::Capture => payment.captured_minor > 0,
            Self::Cancel => payment.closed,
        }
    }

    fn impossible(self, payment: &PaymentRow) -> PaymentError {
        PaymentError::InvalidTransition { act: self.as_str(), status: payment.status.clone() }
    }
}

impl PaymentService {
    /// Captures or cancels at the provider, once for its key.
    pub async fn act(
        &self,
        act: Act,
        author: &Author,
        key: &IdempotencyKey,
        id: PaymentId,
    ) -> Result<Answer, PaymentError> {
        if let Some(known) = self.replays.get(key).await {
            return Ok(Err(known));
        }
        let mut conn = self.database.conn().await?;
        let begun =
            conn.transaction(async |conn| begin(conn, (act, author), key, id).await).await?;
        drop(conn);
        let stored = match begun {
            Begun::Known(refusal) => return Ok(Err(refusal)),
            Begun::Done(stored) => stored,
            Begun::Call(payment, attempt) => {
                let done = match act {
                    Act::Capture => self.capture(&payment).await,
                    Act::Cancel => {
                        self.settle(&payment, Source::Admin, &mut Budget::default()).await
                    }
                };
                self.bus.wake();
                self.conclude(act, (key, attempt), id, done).await?
            }
        };
        self.replays.put(key, &stored).await;
        Ok(Ok(stored))
    }

    /// Captures, and stores what the provider says of it; refused, how the payment stands there.
    async fn capture(&self, payment: &PaymentRow) -> Result<(), PaymentError> {
        let provider = self.providers.get(&payment.provider);
        let provider = provider.ok_or(PaymentError::ProviderUnavailable)?;
        let mut budget = Budget::default();
        let name = self.name_of(payment, provider, &mut budget).await?;
        let name = name.as_str();
        let silent = |error: ProviderError| {
            tracing::warn!(payment_id = %payment.id, %error, "could not capture");
            PaymentError::from(error)
        };
        match budget.call(provider.capture(name, &format!("cap_{}", payment.id))).await {
            Ok(answer) => self.adopt(payment, &answer, None).await,
            Err(error @ (ProviderError::Unavailable(_) | ProviderError::Paused(_))) => {
                Err(silent(error))
            }
            Err(ProviderError::Refused(_) | ProviderError::NotFound) => {
                let shown = budget.call(provider.retrieve(name)).await.map_err(silent)?;
                self.adopt(payment, &shown, Some(payment.version)).await
            }
        }
    }

    async fn adopt(
        &self,
        payment: &PaymentRow,
        answer: &ProviderPayment,
        asked_at: Option<i64>,
    ) -> Result<(), PaymentError> {
        let mut conn = self.database.conn().await?;
        conn.transaction(async |conn| {
            apply_snapshot(conn, payment, answer, (Source::Admin, asked_at)).await
        })
        .await?;
        self.wake_inbox();
        Ok(())
    }

    /// Phase C: the answer, judged by how the payment now stands.
    async fn conclude(
        &self,
        act: Act,
        (key, attempt): (&IdempotencyKey, i32),
        id: PaymentId,
        done: Result<(), PaymentError>,
    ) -> Result<StoredResponse, PaymentError> {
        let mut conn = self.database.conn().await?;
        if let Err(error) = done {
            idempotency::release(&mut conn, key, attempt).await?;
            return Err(error);
        }
        let judged = conn.transaction(async |conn| judge(conn, act, (key, attempt), id).await);
        judged.await?
    }
}

/// Runs in a transaction; an error must roll it back.
async fn begin(
    conn: &mut Connection,
    (act, author): (Act, &Author),
    key: &IdempotencyKey,
    id: PaymentId,
) -> Result<Begun, PaymentError> {
    let (attempt, recovered) = match idempotency::claim(conn, key).await?.into_execution() {
        Ok(claimed) => claimed,
        Err(refusal) => return Ok(Begun::Known(refusal)),
    };
    let payment = repo::find_locked(conn, id).await?.ok_or(PaymentError::NotFound)?;
    if recovered.is_some() && act.is_done(&payment) {
        let stored = response(payment)?;
        idempotency::finish(conn, key, attempt, &stored).await?;
        return Ok(Begun::Done(stored));
    }
    // its donor has taken the promise back: nobody charges for it any more
    let withdrawn = act == Act::Capture && repo::has_intent(conn, id).await?;
    if withdrawn || !act.is_possible(&payment) {
        return Err(act.impossible(&payment));
    }
    if recovered.is_none() {
        audit::act(conn, author, act, &payment).await?;
    }
    let point = json!({ "payment_id": id });
    idempotency::set_recovery_point(conn, key, attempt, &point).await?;
    Ok(Begun::Call(Box::new(payment), attempt))
}

/// Inside: the refusal, which is to be committed, as it gives the key back.
async fn judge(
    conn: &mut Connection,
    act: Act,
    (key, attempt): (&IdempotencyKey, i32),
    id: PaymentId,
) -> Result<Result<StoredResponse, PaymentError>, PaymentError> {
    let payment = repo::find(conn, id).await?.ok_or(PaymentError::NotFound)?;
    if act.is_done(&payment) {
        let stored = response(payment)?;
        let ours = idempotency::finish(conn, key, attempt, &stored).await?;
        return Ok(if ours { Ok(stored) } else { Err(PaymentError::Fenced) });
    }
    let ours = idempotency::free(conn, key, attempt).await?;
    Ok(Err(if ours { act.impossible(&payment) } else { PaymentError::Fenced }))
}

fn response(payment: PaymentRow) -> Result<StoredResponse, PaymentError> {
    let body = serde_json::to_string(&PaymentBody::new(payment, false))
        .map_err(|e| diesel::result::Error::SerializationError(Box::new(e)))?;
    Ok(StoredResponse { status: 200, body })
}
