//! Phase B: the provider is asked, outside of any transaction.

use chrono::TimeDelta;

use super::{
    super::super::{
        api::{Provider, ProviderError, ProviderRefund, RefundRequest},
        error::PaymentError,
        repo::{self, RefundRow},
    },
    Budget, PaymentService,
    begin::{PROVIDER_PAYMENT_ID, Taken},
};
use crate::kernel::clock;

/// A call that was sent this long ago is over at the provider too, whatever became of it.
const OVER: TimeDelta = TimeDelta::minutes(5);

/// A process that was frozen for longer than this since it took the refund up does not call: the
/// refund may be somebody else's by now.
const PROMPT: TimeDelta = TimeDelta::seconds(20);

/// What the provider answered.
pub enum Told {
    Refund(ProviderRefund),
    /// It will not give this back, and asking again will not help.
    Refused(String),
}

impl PaymentService {
    /// Asks for the refund. If somebody did before, and it is not known what came of it, the
    /// provider's own list is looked at first: for only then may it be asked under another key,
    /// which is needed because providers repeat a failure for the same key, and forget keys after a
    /// day.
    pub(super) async fn ask(&self, taken: &Taken) -> Result<Told, PaymentError> {
        let row = &taken.row;
        let provider = self.providers.get(&row.provider);
        let provider = provider.ok_or(PaymentError::ProviderUnavailable)?;
        let mut budget = Budget::default();
        let request = self.request_of(row, provider, &mut budget).await?;
        let mut number = row.key_number;
        if let Some(before) = taken.asked_before {
            if let Some(found) = listed(provider, &request, &mut budget).await? {
                return Ok(Told::Refund(found));
            }
            if taken.at - before > OVER {
                number = self.next_key(taken).await?;
            }
        }
        if clock::now() - taken.at > PROMPT {
            return Err(PaymentError::ProviderUnavailable);
        }
        match budget.call(provider.refund(&request, &key(&request, number))).await {
            Ok(refund) => Ok(Told::Refund(refund)),
            Err(ProviderError::Refused(reason)) => Ok(Told::Refused(reason)),
            Err(error @ ProviderError::NotFound) => Ok(Told::Refused(error.to_string())),
            Err(error @ (ProviderError::Unavailable(_) | ProviderError::Paused(_))) => {
                Err(silent(&request, &error.to_string()))
            }
        }
    }

    /// As it was written down, and with the provider's name of the payment: where that was not known
    /// then, it is looked for. It never changes, so that the request is the same each time.
    async fn request_of(
        &self,
        row: &RefundRow,
        provider: &dyn Provider,
        budget: &mut Budget,
    ) -> Result<RefundRequest, PaymentError> {
        let mut request = row.request.clone();
        if request[PROVIDER_PAYMENT_ID].is_null() {
            let mut conn = self.database.conn().await?;
            let payment = repo::find(&mut conn, row.payment_id).await?;
            drop(conn);
            let payment = payment.ok_or(PaymentError::NotFound)?;
            request[PROVIDER_PAYMENT_ID] = self.name_of(&payment, provider, budget).await?.into();
        }
        let request = serde_json::from_value(request);
        Ok(request.map_err(|e| diesel::result::Error::DeserializationError(Box::new(e)))?)
    }

    /// Written down before it is used.
    async fn next_key(&self, taken: &Taken) -> Result<i32, PaymentError> {
        let mut conn = self.database.conn().await?;
        if repo::next_refund_key(&mut conn, &taken.row).await? {
            return Ok(taken.row.key_number + 1);
        }
        Err(PaymentError::Fenced)
    }
}

/// The refund, if the provider has it.
async fn listed(
    provider: &dyn Provider,
    request: &RefundRequest,
    budget: &mut Budget,
) -> Result<Option<ProviderRefund>, PaymentError> {
    // that it cannot be shown says nothing about whether it was made
    let shown = budget.call(provider.retrieve(&request.provider_payment_id)).await;
    let shown = shown.map_err(|error| silent(request, &error.to_string()))?;
    let refunds = shown.refunds.ok_or_else(|| silent(request, "it lists no refunds"))?;
    Ok(refunds.into_iter().find(|refund| refund.refund_id == Some(request.refund_id)))
}

fn silent(request: &RefundRequest, error: &str) -> PaymentError {
    tracing::warn!(refund_id = %request.refund_id, error, "the provider did not refund");
    PaymentError::ProviderUnavailable
}

fn key(request: &RefundRequest, number: i32) -> String {
    match number {
        1 => format!("re_{}", request.refund_id),
        n => format!("re_{}_{n}", request.refund_id),
    }
}
