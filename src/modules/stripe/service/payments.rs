//! Payments are `PaymentIntent`s that carry our id in their metadata.

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use super::{PAGE, StripeAccount, deadline};
use crate::{
    kernel::{ids::PaymentId, money::Money},
    modules::{
        payment::api::{
            CreateAnswer, CreateRequest, Created, PaymentPage, ProviderError, ProviderPayment,
            ProviderStatus,
        },
        stripe::{
            client::Call,
            currency,
            dto::{List, PAYMENT_ID, PaymentIntent, TRACE},
            error::StripeError,
        },
    },
};

const INTENTS: &str = "payment_intents";

/// Stripe's clock and ours may differ by this much.
const SKEW: TimeDelta = TimeDelta::minutes(5);

impl StripeAccount {
    /// Makes the intent, and confirms it where a method is named.
    pub async fn create(
        &self,
        request: &CreateRequest,
        key: &str,
    ) -> Result<CreateAnswer, ProviderError> {
        let amount = currency::to_stripe(Money::new(request.amount_minor, request.currency))
            .map_err(StripeError::from)?;
        let mut call = Call::post(&[INTENTS], Some(key))
            .field("amount", amount)
            .field("currency", request.currency.code().to_ascii_lowercase())
            .field("capture_method", request.capture_method.as_str())
            .field(format!("metadata[{PAYMENT_ID}]"), request.payment_id)
            .field("automatic_payment_methods[enabled]", true);
        if let Some(trace) = &request.trace_context {
            call = call.field(format!("metadata[{TRACE}]"), trace);
        }
        if let Some(method) = &request.payment_method {
            // here nobody could follow a redirect
            call = call
                .field("automatic_payment_methods[allow_redirects]", "never")
                .field("payment_method", method)
                .field("confirm", true);
        }
        match self.client.send(&call, deadline()).await {
            Ok(intent) => Ok(CreateAnswer::Created(created(intent))),
            Err(error) => declined(error),
        }
    }

    /// Without a key: Stripe would keep a refusal ("it is being processed") for a day and give it
    /// again when it is no longer true. To cancel twice has no second effect.
    pub async fn cancel(&self, id: &str) -> Result<ProviderPayment, ProviderError> {
        let until = deadline();
        let path = [INTENTS, id, "cancel"];
        match self.client.send::<PaymentIntent>(&Call::post(&path, None), until).await {
            Ok(intent) => Ok(self.with_returns(&intent, until).await?),
            Err(error) if error.is_about_state() => {
                let now = self.look(id, until).await?;
                match now.status {
                    ProviderStatus::Canceled | ProviderStatus::Captured => Ok(now),
                    _ => Err(ProviderError::Unavailable(error.to_string())),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// All that is authorized. Had it been captured before, that is the answer.
    pub async fn capture(&self, id: &str, key: &str) -> Result<ProviderPayment, ProviderError> {
        let until = deadline();
        let path = [INTENTS, id, "capture"];
        match self.client.send::<PaymentIntent>(&Call::post(&path, Some(key)), until).await {
            Ok(intent) => Ok(self.with_returns(&intent, until).await?),
            Err(error) if error.is_about_state() => {
                let now = self.look(id, until).await?;
                let captured = now.status == ProviderStatus::Captured;
                if captured { Ok(now) } else { Err(error.into()) }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// With its refunds and disputes.
    pub async fn retrieve(&self, id: &str) -> Result<ProviderPayment, ProviderError> {
        Ok(self.look(id, deadline()).await?)
    }

    async fn look(&self, id: &str, until: Instant) -> Result<ProviderPayment, StripeError> {
        let path = [INTENTS, id];
        let call = Call::get(&path).field("expand[]", "latest_charge");
        let intent: PaymentIntent = self.client.send(&call, until).await?;
        self.with_returns(&intent, until).await
    }

    /// What has gone back is asked for only where something could have.
    async fn with_returns(
        &self,
        intent: &PaymentIntent,
        until: Instant,
    ) -> Result<ProviderPayment, StripeError> {
        let mut payment = ProviderPayment::try_from(intent)?;
        if payment.captured_minor == 0 {
            (payment.refunds, payment.disputes) = (Some(Vec::new()), Some(Vec::new()));
            return Ok(payment);
        }
        let (refunds, disputes) = tokio::try_join!(
            self.refunds_of(&intent.id, payment.currency, until),
            self.disputes_of(&intent.id, payment.currency, until),
        )?;
        (payment.refunds, payment.disputes) = (refunds, disputes);
        Ok(payment)
    }

    /// By listing all from when the payment was made here to `last`, when it may last have been
    /// made there, and not by Stripe's search: the list shows an intent as soon as it is made, the
    /// search some time later, and "there is none" is acted upon. It is said only when all have been
    /// seen. Without an end, a busy account's list would grow longer than there is time to read.
    pub async fn find(
        &self,
        payment_id: PaymentId,
        last: Option<DateTime<Utc>>,
    ) -> Result<Vec<ProviderPayment>, ProviderError> {
        let until = deadline();
        let (from, to) = (made_at(payment_id), last.map(|last| last + SKEW));
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.page(from, to, cursor.as_deref(), until).await?;
            for intent in &page.data {
                if intent.metadata.payment_id == Some(payment_id) {
                    found.push(ProviderPayment::try_from(intent)?);
                }
            }
            cursor = next(&page);
            if cursor.is_none() {
                return Ok(found);
            }
        }
    }

    /// Those that carry an id of ours; of others on the same account nothing is told.
    pub async fn payments(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        cursor: Option<&str>,
    ) -> Result<PaymentPage, ProviderError> {
        let page = self.page(Some(from), Some(to), cursor, deadline()).await?;
        let ours = page.data.iter().filter(|intent| intent.metadata.payment_id.is_some());
        let payments = ours.map(ProviderPayment::try_from).collect::<Result<_, _>>()?;
        Ok(PaymentPage { payments, cursor: next(&page) })
    }

    /// Newest first, from the one after `cursor`.
    async fn page(
        &self,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
        cursor: Option<&str>,
        until: Instant,
    ) -> Result<List<PaymentIntent>, StripeError> {
        let mut call =
            Call::get(&[INTENTS]).field("limit", PAGE).field("expand[]", "data.latest_charge");
        if let Some(from) = from {
            call = call.field("created[gte]", from.timestamp());
        }
        if let Some(to) = to {
            call = call.field("created[lt]", to.timestamp());
        }
        if let Some(cursor) = cursor {
            call = call.field("starting_after", cursor);
        }
        self.client.send(&call, until).await
    }
}

fn next(page: &List<PaymentIntent>) -> Option<String> {
    page.data.last().filter(|_| page.has_more).map(|intent| intent.id.clone())
}

/// The id tells when it was made; one that does not makes the search longer, not wrong.
fn made_at(payment_id: PaymentId) -> Option<DateTime<Utc>> {
    let (seconds, _) = payment_id.0.get_timestamp()?.to_unix();
    Some(DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)? - SKEW)
}

fn created(intent: PaymentIntent) -> Created {
    Created {
        provider_payment_id: intent.id,
        client_secret: intent.client_secret,
        checkout_url: None,
    }
}

/// A refused card leaves the intent behind, for another try.
fn declined(error: StripeError) -> Result<CreateAnswer, ProviderError> {
    match error {
        StripeError::Answered { status: 402, mut body } => {
            let reason = body.summary();
            match body.payment_intent.take().map(created) {
                Some(created) => Ok(CreateAnswer::Declined { created, reason }),
                None => Err(ProviderError::Refused(reason)),
            }
        }
        // there is nothing in this address that could be unknown
        StripeError::Answered { status: 404, body } => Err(ProviderError::Refused(body.summary())),
        error => Err(error.into()),
    }
}
