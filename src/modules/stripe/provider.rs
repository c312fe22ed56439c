//! Stripe behind the seam of the payment module.

use std::borrow::Cow;

use actix_web::http::header::HeaderMap;
use chrono::{DateTime, Utc};
use futures_util::{FutureExt, future::BoxFuture};
use secrecy::SecretString;

use super::{
    client::{BadSettings, Client},
    currency,
    mode::Mode,
    service::StripeAccount,
    webhook::{self, Secrets},
};
use crate::{
    kernel::{ids::PaymentId, money::Money},
    modules::payment::api::{
        CreateAnswer, CreateRequest, EventPage, PaymentPage, Provider, ProviderError,
        ProviderPayment, ProviderRefund, RefundRequest, ReturnedPage, WebhookError, WebhookEvent,
    },
};

/// One account at Stripe, in the mode of its key.
#[derive(Clone)]
pub struct StripeProvider {
    account: StripeAccount,
    secrets: Secrets,
    mode: Mode,
}

impl StripeProvider {
    /// `api_base` is without `/v1`. Without webhook secrets every webhook is refused.
    ///
    /// # Errors
    /// When the key is no secret key, or the address no URL.
    pub fn new(
        key: &SecretString,
        webhook_secrets: &[SecretString],
        api_base: &str,
    ) -> Result<Self, BadSettings> {
        let client = Client::new(key, api_base)?;
        let mode = client.mode();
        let secrets = Secrets::new(webhook_secrets);
        Ok(Self { account: StripeAccount::new(client), secrets, mode })
    }
}

impl Provider for StripeProvider {
    fn name(&self) -> &'static str {
        "stripe"
    }

    fn check_method(&self, payment_method: &str) -> Result<(), String> {
        let name = payment_method.strip_prefix("pm_").unwrap_or_default();
        let fits = (1..=200).contains(&name.len());
        if fits && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Ok(());
        }
        Err("must be the id of a PaymentMethod of Stripe's, `pm_…`".to_owned())
    }

    /// `pm_card_…` are the cards that everybody tests with.
    fn source<'a>(&self, payment_method: &'a str) -> Option<&'a str> {
        (!payment_method.starts_with("pm_card_")).then_some(payment_method)
    }

    fn check_amount(&self, amount: Money) -> Result<(), String> {
        currency::to_stripe(amount).map(drop).map_err(|error| error.to_string())
    }

    fn create<'a>(
        &'a self,
        request: &'a CreateRequest,
        idempotency_key: &'a str,
    ) -> BoxFuture<'a, Result<CreateAnswer, ProviderError>> {
        self.account.create(request, idempotency_key).boxed()
    }

    fn cancel<'a>(
        &'a self,
        provider_payment_id: &'a str,
    ) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>> {
        self.account.cancel(provider_payment_id).boxed()
    }

    fn capture<'a>(
        &'a self,
        provider_payment_id: &'a str,
        idempotency_key: &'a str,
    ) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>> {
        self.account.capture(provider_payment_id, idempotency_key).boxed()
    }

    fn refund<'a>(
        &'a self,
        request: &'a RefundRequest,
        idempotency_key: &'a str,
    ) -> BoxFuture<'a, Result<ProviderRefund, ProviderError>> {
        self.account.refund(request, idempotency_key).boxed()
    }

    fn retrieve<'a>(
        &'a self,
        provider_payment_id: &'a str,
    ) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>> {
        self.account.retrieve(provider_payment_id).boxed()
    }

    fn find(
        &self,
        payment_id: PaymentId,
        until: Option<DateTime<Utc>>,
    ) -> BoxFuture<'_, Result<Vec<ProviderPayment>, ProviderError>> {
        self.account.find(payment_id, until).boxed()
    }

    fn events<'a>(
        &'a self,
        since: DateTime<Utc>,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<EventPage, ProviderError>> {
        self.account.events(since, cursor).boxed()
    }

    fn payments<'a>(
        &'a self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<PaymentPage, ProviderError>> {
        self.account.payments(from, to, cursor).boxed()
    }

    fn returned<'a>(
        &'a self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<ReturnedPage, ProviderError>> {
        self.account.returned(from, to, cursor).boxed()
    }

    fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), WebhookError> {
        self.secrets.verify(headers, body, now)
    }

    fn essence<'a>(&self, body: &'a [u8]) -> Cow<'a, [u8]> {
        webhook::essence(body)
    }

    /// No header names the event, so that there is nothing to compare the body with.
    fn parse(
        &self,
        _headers: Option<&HeaderMap>,
        body: &[u8],
    ) -> Result<WebhookEvent, WebhookError> {
        webhook::parse(self.mode, body)
    }
}
