//! Going on with a creation whose outcome nobody knows: the answer was lost, or its process.
//!
//! The provider's own list comes first. What is there is adopted, and nothing is made a second
//! time. If there is nothing, it is sent again: under the same key while the former call may still
//! be on its way or its key is remembered there, else under the next one (`_n`), which is recorded
//! before it is used. A provider that repeats its failure for a key (as some do for a day) is
//! therefore asked under another one, but only once no former call can be alive.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    super::{
        api::{
            CreateAnswer, CreateRequest, Created, Provider, ProviderError, ProviderPayment,
            ProviderStatus,
        },
        repo::{self, PaymentRow},
    },
    PaymentService,
    budget::Budget,
    settle::IN_FLIGHT,
};
use crate::kernel::clock;

/// Providers forget keys after 24 h.
const KEY_LIFE: TimeDelta = TimeDelta::hours(23);

/// After so many calls under one key it is left alone until none of them can be on its way.
const CALLS: i32 = 4;

/// The key under which the provider makes this payment once.
pub fn idempotency_key(payment: &PaymentRow) -> String {
    match payment.create_attempt {
        1 => format!("pay_{}", payment.id),
        n => format!("pay_{}_{n}", payment.id),
    }
}

/// After the last call a payment may still be made for so long: five times [`IN_FLIGHT`], for whoever
/// looks too short sees none, and may have a second one made.
const ECHO: TimeDelta = TimeDelta::minutes(5);

/// When the provider may last have made this payment. A call is noted before it is sent.
pub fn made_until(payment: &PaymentRow) -> Option<DateTime<Utc>> {
    payment.called_at.map(|at| at + ECHO)
}

/// How long to wait before this payment is sent again; `None`: it may be sent now.
pub fn rest(payment: &PaymentRow, now: DateTime<Utc>) -> Option<Duration> {
    let called = payment.called_at.filter(|_| payment.create_calls >= CALLS)?;
    (called + IN_FLIGHT - now).to_std().ok().filter(|left| !left.is_zero())
}

/// The next key is due: the provider has nothing, no former call can be on its way to it, or it no
/// longer remembers the key.
fn needs_next_key(payment: &PaymentRow, now: DateTime<Utc>) -> bool {
    let alive = payment.called_at.is_some_and(|at| now - at < IN_FLIGHT);
    !alive || forgotten(payment, now)
}

fn forgotten(payment: &PaymentRow, now: DateTime<Utc>) -> bool {
    now - payment.keyed_at.unwrap_or(payment.created_at) >= KEY_LIFE
}

impl PaymentService {
    /// `payment` is as it was before this attempt: `called_at` tells of the former one.
    pub(super) async fn recover(
        &self,
        provider: &dyn Provider,
        payment: &PaymentRow,
        request: &CreateRequest,
        budget: &mut Budget,
    ) -> Result<CreateAnswer, ProviderError> {
        let mut found = budget.call(provider.find(payment.id, made_until(payment))).await?;
        found.sort_by_key(|payment| rank(payment.status));
        let Some(best) = found.pop() else {
            return self.send_again(provider, payment, request, budget).await;
        };
        for surplus in found.iter().filter(|other| other.status != ProviderStatus::Canceled) {
            let name = &surplus.provider_payment_id;
            tracing::error!(payment_id = %payment.id, name, "made twice; cancelled");
            budget.call(provider.cancel(name)).await?;
        }
        // the same key brings its first answer, with the secret that only it holds
        if !forgotten(payment, clock::now()) {
            let again = budget.call(provider.create(request, &idempotency_key(payment))).await;
            let told = |answer: &CreateAnswer| {
                super::conclude::created(answer).provider_payment_id == best.provider_payment_id
            };
            match again {
                Ok(answer) if told(&answer) => return Ok(answer),
                Err(error) if unusable(&best) && payment.create_calls < CALLS => return Err(error),
                _ => {}
            }
        }
        tracing::warn!(payment_id = %payment.id, "found at the provider, and adopted");
        Ok(CreateAnswer::Created(Created {
            provider_payment_id: best.provider_payment_id,
            client_secret: payment.client_secret.clone(),
            checkout_url: payment.checkout_url.clone(),
        }))
    }

    async fn send_again(
        &self,
        provider: &dyn Provider,
        payment: &PaymentRow,
        request: &CreateRequest,
        budget: &mut Budget,
    ) -> Result<CreateAnswer, ProviderError> {
        let mut next = payment.clone();
        if needs_next_key(payment, clock::now()) {
            next.create_attempt += 1;
            let unknown = |error: String| ProviderError::Unavailable(error);
            let mut conn = self.database.conn().await.map_err(|e| unknown(e.to_string()))?;
            let recorded = repo::begin_next_key(&mut conn, &next, clock::now()).await;
            if !recorded.map_err(|e| unknown(e.to_string()))? {
                return Err(unknown("another attempt was faster, or it was closed".into()));
            }
        }
        budget.call(provider.create(request, &idempotency_key(&next))).await
    }
}

/// The donor can do nothing with it without its secret.
fn unusable(payment: &ProviderPayment) -> bool {
    payment.status == ProviderStatus::AwaitingMethod
}

fn rank(status: ProviderStatus) -> u8 {
    match status {
        ProviderStatus::Canceled => 0,
        ProviderStatus::AwaitingMethod => 1,
        ProviderStatus::Processing => 2,
        ProviderStatus::Authorized => 3,
        ProviderStatus::Captured => 4,
    }
}
