//! The bank as a payment provider. It is called in-process, but like a stranger: bounded in time,
//! and with faults where some are planned.

mod lists;
mod making;
mod words;

use std::{future::Future, time::Duration};

use actix_web::http::header::HeaderMap;
use chrono::{DateTime, Utc};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::time::{sleep, timeout};

use super::{
    error::SandboxError,
    model::{BankPayment, Method},
    repo::{FaultKind, Operation},
    service::{RefundOrder, SandboxBank},
    webhook,
};
use crate::{
    kernel::ids::PaymentId,
    modules::payment::api::{
        CreateAnswer, CreateRequest, EventPage, PaymentPage, Provider, ProviderError,
        ProviderPayment, ProviderRefund, RefundRequest, ReturnedPage, WebhookError, WebhookEvent,
    },
};

/// No call takes longer.
const PATIENCE: Duration = Duration::from_secs(8);

/// More payments than ever carry one id of ours.
const ALL: i64 = 100;

/// The sandbox bank behind the seam of the payment module.
#[derive(Clone)]
pub struct SandboxProvider {
    bank: SandboxBank,
}

impl SandboxProvider {
    pub fn new(bank: SandboxBank) -> Self {
        Self { bank }
    }

    async fn give_back(
        &self,
        request: &RefundRequest,
        idempotency_key: &str,
    ) -> Result<ProviderRefund, ProviderError> {
        let order = RefundOrder {
            refund_id: Some(request.refund_id),
            amount_minor: Some(request.amount_minor),
            idempotency_key: Some(idempotency_key),
        };
        Ok(words::first_word(self.bank.refund(&request.provider_payment_id, order).await?))
    }

    async fn show(&self, id: &str) -> Result<ProviderPayment, ProviderError> {
        let payment = self.bank.retrieve(id).await?;
        let (refunds, disputes) = self.bank.given_back(id).await?;
        Ok(ProviderPayment {
            refunds: Some(refunds.into_iter().map(ProviderRefund::from).collect()),
            disputes: Some(disputes.into_iter().filter_map(words::dispute).collect()),
            ..payment.into()
        })
    }

    /// Does `work` with the fault that is planned for it, if any.
    async fn faulted<T>(
        &self,
        operation: Operation,
        work: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        self.faulted_or_late(operation, work, |_| {}).await
    }

    /// The same for work that may also be done `late`, when nobody waits for it any more.
    async fn faulted_or_late<T>(
        &self,
        operation: Operation,
        work: impl Future<Output = Result<T, ProviderError>>,
        late: impl FnOnce(Duration),
    ) -> Result<T, ProviderError> {
        let fault = self.bank.take_fault(operation).await.map_err(ProviderError::from)?;
        match fault {
            Some((FaultKind::Fail, _)) => {
                return Err(ProviderError::Unavailable("a planned failure".into()));
            }
            Some((FaultKind::Hang, _)) => return std::future::pending().await,
            Some((FaultKind::Late, ms)) => {
                late(millis(ms));
                return std::future::pending().await;
            }
            _ => {}
        }
        let done = work.await;
        match fault {
            Some((FaultKind::LoseAnswer, _)) => {
                Err(ProviderError::Unavailable("a planned loss of the answer".into()))
            }
            Some((FaultKind::Delay, ms)) => {
                sleep(millis(ms)).await;
                done
            }
            _ => done,
        }
    }
}

impl Provider for SandboxProvider {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    fn check_method(&self, payment_method: &str) -> Result<(), String> {
        payment_method.parse::<Method>().map(drop).map_err(|error| error.to_string())
    }

    fn source<'a>(&self, payment_method: &'a str) -> Option<&'a str> {
        payment_method.starts_with("account:").then_some(payment_method)
    }

    fn create<'a>(
        &'a self,
        request: &'a CreateRequest,
        idempotency_key: &'a str,
    ) -> BoxFuture<'a, Result<CreateAnswer, ProviderError>> {
        bounded(async move {
            if let Some(made) = self.make_among_others(request, idempotency_key).await? {
                return Ok(made);
            }
            let work = self.make(request, idempotency_key);
            let late = |after| self.make_late(request.clone(), idempotency_key.to_owned(), after);
            self.faulted_or_late(Operation::Create, work, late).await
        })
        .boxed()
    }

    fn cancel<'a>(
        &'a self,
        provider_payment_id: &'a str,
    ) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>> {
        let work = self.bank.cancel(provider_payment_id).map(told);
        bounded(self.faulted(Operation::Cancel, work)).boxed()
    }

    fn capture<'a>(
        &'a self,
        provider_payment_id: &'a str,
        _idempotency_key: &'a str,
    ) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>> {
        // a payment is captured once, whatever the key
        let work = self.bank.capture(provider_payment_id).map(told);
        bounded(self.faulted(Operation::Capture, work)).boxed()
    }

    fn refund<'a>(
        &'a self,
        request: &'a RefundRequest,
        idempotency_key: &'a str,
    ) -> BoxFuture<'a, Result<ProviderRefund, ProviderError>> {
        let work = self.give_back(request, idempotency_key);
        bounded(self.faulted(Operation::Refund, work)).boxed()
    }

    fn retrieve<'a>(
        &'a self,
        provider_payment_id: &'a str,
    ) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>> {
        let work = self.show(provider_payment_id);
        bounded(self.faulted(Operation::Retrieve, work)).boxed()
    }

    fn find(
        &self,
        payment_id: PaymentId,
        _until: Option<DateTime<Utc>>,
    ) -> BoxFuture<'_, Result<Vec<ProviderPayment>, ProviderError>> {
        let found = self.bank.find(payment_id, "", ALL).map(|found| {
            let found = found.map_err(ProviderError::from)?;
            Ok(found.into_iter().map(ProviderPayment::from).collect())
        });
        bounded(self.faulted(Operation::Find, found)).boxed()
    }

    fn events<'a>(
        &'a self,
        since: DateTime<Utc>,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<EventPage, ProviderError>> {
        let work = self.list_events(since, cursor);
        bounded(self.faulted(Operation::Events, work)).boxed()
    }

    fn payments<'a>(
        &'a self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<PaymentPage, ProviderError>> {
        let work = self.list_payments((from, to), cursor);
        bounded(self.faulted(Operation::Payments, work)).boxed()
    }

    fn returned<'a>(
        &'a self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<ReturnedPage, ProviderError>> {
        let work = self.list_returned((from, to), cursor);
        bounded(self.faulted(Operation::Payments, work)).boxed()
    }

    fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), WebhookError> {
        self.bank.keys().verify(headers, body, now)
    }

    fn parse(
        &self,
        headers: Option<&HeaderMap>,
        body: &[u8],
    ) -> Result<WebhookEvent, WebhookError> {
        webhook::parse(headers, body)
    }
}

fn millis(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

fn told(outcome: Result<BankPayment, SandboxError>) -> Result<ProviderPayment, ProviderError> {
    Ok(outcome?.into())
}

async fn bounded<T>(
    work: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    let late = || Err(ProviderError::Unavailable("no answer in time".into()));
    timeout(PATIENCE, work).await.unwrap_or_else(|_| late())
}
