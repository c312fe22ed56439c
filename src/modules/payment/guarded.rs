//! A provider behind a circuit breaker.
//!
//! Only silence counts against a provider: a refusal, a decline and "not found" are answers. While
//! the breaker is open nothing is sent, and the caller is told so ([`ProviderError::Paused`]): what
//! was not sent has not happened.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::http::header::HeaderMap;
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;

use super::api::{
    CreateAnswer, CreateRequest, EventPage, PaymentPage, Provider, ProviderError, ProviderPayment,
    ProviderRefund, RefundRequest, ReturnedPage, WebhookError, WebhookEvent,
};
use crate::{
    kernel::{ids::PaymentId, money::Money},
    platform::{
        circuit_breaker::{CircuitBreaker, Settings},
        telemetry::{Span, SpanKind},
    },
};

/// A provider that is left alone while it does not answer.
pub struct Guarded {
    provider: Arc<dyn Provider>,
    breaker: CircuitBreaker,
}

impl Guarded {
    pub fn new(provider: Arc<dyn Provider>, settings: Settings) -> Self {
        let name = provider.name();
        let breaker = CircuitBreaker::new(name, settings);
        // an alert sees only what grows: the first one is to be growth
        metrics::counter!("payment_second_captures_total", "provider" => name).increment(0);
        metrics::counter!("refunds_skipped_total", "provider" => name).increment(0);
        Self { provider, breaker }
    }

    /// `operation` is what a trace calls it.
    fn call<'a, T: Send + 'a>(
        &'a self,
        operation: &'static str,
        work: BoxFuture<'a, Result<T, ProviderError>>,
    ) -> BoxFuture<'a, Result<T, ProviderError>> {
        Box::pin(async move {
            let permit = self.breaker.acquire(Instant::now()).map_err(ProviderError::Paused)?;
            let mut span =
                Span::new(format!("{} {operation}", self.provider.name()), SpanKind::Client);
            let outcome = span.scope(work).await;
            if let Err(error) = &outcome {
                span.fail(error.kind());
            }
            let silent = matches!(outcome, Err(ProviderError::Unavailable(_)));
            permit.settle(silent, Instant::now());
            outcome
        })
    }
}

impl Provider for Guarded {
    fn name(&self) -> &'static str {
        self.provider.name()
    }

    fn available(&self) -> Result<(), Duration> {
        self.breaker.check(Instant::now())
    }

    fn check_method(&self, payment_method: &str) -> Result<(), String> {
        self.provider.check_method(payment_method)
    }

    fn source<'a>(&self, payment_method: &'a str) -> Option<&'a str> {
        self.provider.source(payment_method)
    }

    fn check_amount(&self, amount: Money) -> Result<(), String> {
        self.provider.check_amount(amount)
    }

    fn essence<'a>(&self, body: &'a [u8]) -> Cow<'a, [u8]> {
        self.provider.essence(body)
    }

    fn create<'a>(
        &'a self,
        request: &'a CreateRequest,
        idempotency_key: &'a str,
    ) -> BoxFuture<'a, Result<CreateAnswer, ProviderError>> {
        self.call("create", self.provider.create(request, idempotency_key))
    }

    fn cancel<'a>(
        &'a self,
        provider_payment_id: &'a str,
    ) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>> {
        self.call("cancel", self.provider.cancel(provider_payment_id))
    }

    fn capture<'a>(
        &'a self,
        provider_payment_id: &'a str,
        idempotency_key: &'a str,
    ) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>> {
        self.call("capture", self.provider.capture(provider_payment_id, idempotency_key))
    }

    fn refund<'a>(
        &'a self,
        request: &'a RefundRequest,
        idempotency_key: &'a str,
    ) -> BoxFuture<'a, Result<ProviderRefund, ProviderError>> {
        self.call("refund", self.provider.refund(request, idempotency_key))
    }

    fn events<'a>(
        &'a self,
        since: DateTime<Utc>,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<EventPage, ProviderError>> {
        self.call("events", self.provider.events(since, cursor))
    }

    fn payments<'a>(
        &'a self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<PaymentPage, ProviderError>> {
        self.call("payments", self.provider.payments(from, to, cursor))
    }

    fn returned<'a>(
        &'a self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<ReturnedPage, ProviderError>> {
        self.call("returned", self.provider.returned(from, to, cursor))
    }

    fn retrieve<'a>(
        &'a self,
        provider_payment_id: &'a str,
    ) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>> {
        self.call("retrieve", self.provider.retrieve(provider_payment_id))
    }

    fn find(
        &self,
        payment_id: PaymentId,
        until: Option<DateTime<Utc>>,
    ) -> BoxFuture<'_, Result<Vec<ProviderPayment>, ProviderError>> {
        self.call("find", self.provider.find(payment_id, until))
    }

    fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), WebhookError> {
        self.provider.verify(headers, body, now)
    }

    fn parse(
        &self,
        headers: Option<&HeaderMap>,
        body: &[u8],
    ) -> Result<WebhookEvent, WebhookError> {
        self.provider.parse(headers, body)
    }
}
