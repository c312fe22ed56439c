//! The bank as a payment provider. It is called in-process, but like a stranger: bounded in time,
//! and with faults where some are planned.

use std::{future::Future, time::Duration};

use actix_web::http::header::HeaderMap;
use chrono::{DateTime, Utc};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::time::{sleep, timeout};

use super::{
    error::SandboxError,
    model::{BankPayment, Method, Status},
    repo::{FaultKind, Operation},
    service::{Creation, SandboxBank},
    webhook,
};
use crate::{
    kernel::ids::PaymentId,
    modules::payment::api::{
        CreateAnswer, CreateRequest, Created, Provider, ProviderError, ProviderPayment,
        ProviderStatus, WebhookError, WebhookEvent,
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

    async fn make(
        &self,
        request: &CreateRequest,
        idempotency_key: &str,
    ) -> Result<CreateAnswer, ProviderError> {
        if request.amount_minor <= 0 {
            return Err(ProviderError::Refused("the amount must be positive".into()));
        }
        let method = request.payment_method.as_deref().map(str::parse::<Method>).transpose();
        let method = method.map_err(|e| ProviderError::Refused(format!("the method {e}")))?;
        let creation = self.bank.create(request, method.as_ref(), idempotency_key).await?;
        Ok(answer(creation))
    }

    /// Does `work` with the fault that is planned for it, if any.
    async fn faulted<T>(
        &self,
        operation: Operation,
        work: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        let fault = self.bank.take_fault(operation).await.map_err(ProviderError::from)?;
        if let Some((FaultKind::Fail, _)) = fault {
            return Err(ProviderError::Unavailable("a planned failure".into()));
        }
        let done = work.await;
        match fault {
            Some((FaultKind::LoseAnswer, _)) => {
                Err(ProviderError::Unavailable("a planned loss of the answer".into()))
            }
            Some((FaultKind::Delay, ms)) => {
                sleep(Duration::from_millis(u64::try_from(ms).unwrap_or(0))).await;
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

    fn create<'a>(
        &'a self,
        request: &'a CreateRequest,
        idempotency_key: &'a str,
    ) -> BoxFuture<'a, Result<CreateAnswer, ProviderError>> {
        let work = self.make(request, idempotency_key);
        bounded(self.faulted(Operation::Create, work)).boxed()
    }

    fn cancel<'a>(
        &'a self,
        provider_payment_id: &'a str,
    ) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>> {
        let work = self.bank.cancel(provider_payment_id).map(told);
        bounded(self.faulted(Operation::Cancel, work)).boxed()
    }

    fn retrieve<'a>(
        &'a self,
        provider_payment_id: &'a str,
    ) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>> {
        let work = self.bank.retrieve(provider_payment_id).map(told);
        bounded(self.faulted(Operation::Retrieve, work)).boxed()
    }

    fn find(
        &self,
        payment_id: PaymentId,
    ) -> BoxFuture<'_, Result<Vec<ProviderPayment>, ProviderError>> {
        let found = self.bank.find(payment_id, "", ALL).map(|found| {
            let found = found.map_err(ProviderError::from)?;
            Ok(found.into_iter().map(ProviderPayment::from).collect())
        });
        bounded(found).boxed()
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

fn told(outcome: Result<BankPayment, SandboxError>) -> Result<ProviderPayment, ProviderError> {
    Ok(outcome?.into())
}

async fn bounded<T>(
    work: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    let late = || Err(ProviderError::Unavailable("no answer in time".into()));
    timeout(PATIENCE, work).await.unwrap_or_else(|_| late())
}

fn answer(creation: Creation) -> CreateAnswer {
    let created = Created {
        provider_payment_id: creation.provider_payment_id,
        client_secret: Some(creation.client_secret),
        checkout_url: None,
    };
    match creation.decline {
        Some(reason) => CreateAnswer::Declined { created, reason },
        None => CreateAnswer::Created(created),
    }
}

impl From<BankPayment> for ProviderPayment {
    fn from(payment: BankPayment) -> Self {
        Self {
            provider_payment_id: payment.id,
            status: match payment.status {
                Status::AwaitingMethod => ProviderStatus::AwaitingMethod,
                Status::Processing => ProviderStatus::Processing,
                Status::Authorized => ProviderStatus::Authorized,
                Status::Captured => ProviderStatus::Captured,
                Status::Canceled => ProviderStatus::Canceled,
            },
            currency: payment.currency,
            captured_minor: payment.captured_minor,
        }
    }
}
