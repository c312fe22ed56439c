//! Making payments, as the payment module asks for it.

use std::time::Duration;

use tokio::time::sleep;

use super::{super::model::Method, PATIENCE, SandboxProvider, words};
use crate::modules::payment::api::{CreateAnswer, CreateRequest, ProviderError};

impl SandboxProvider {
    pub(super) async fn make(
        &self,
        request: &CreateRequest,
        idempotency_key: &str,
    ) -> Result<CreateAnswer, ProviderError> {
        let method = method(request)?;
        let creation = self.bank.create(request, method.as_ref(), idempotency_key).await?;
        Ok(words::answer(creation))
    }

    /// `None`: there is more to it than to make a payment.
    pub(super) async fn make_among_others(
        &self,
        request: &CreateRequest,
        idempotency_key: &str,
    ) -> Result<Option<CreateAnswer>, ProviderError> {
        // what is to be refused may have to fail first
        let Ok(method) = method(request) else { return Ok(None) };
        let made = self.bank.create_among_others(request, method.as_ref(), idempotency_key).await?;
        Ok(made.map(words::answer))
    }

    /// The request was on its way for so long that nobody waits for its answer.
    pub(super) fn make_late(
        &self,
        request: CreateRequest,
        idempotency_key: String,
        after: Duration,
    ) {
        let own = self.clone();
        tokio::spawn(async move {
            sleep(PATIENCE + after).await;
            let made = own.make(&request, &idempotency_key).await.is_ok();
            tracing::info!(made, "the sandbox has done late what it was asked");
        });
    }
}

fn method(request: &CreateRequest) -> Result<Option<Method>, ProviderError> {
    if request.amount_minor <= 0 {
        return Err(ProviderError::Refused("the amount must be positive".into()));
    }
    let method = request.payment_method.as_deref().map(str::parse::<Method>).transpose();
    method.map_err(|e| ProviderError::Refused(format!("the method {e}")))
}
