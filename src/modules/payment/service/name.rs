//! What the provider calls a payment, where we have not been told.
//!
//! A capture may be heard of before the answer that named the payment, or that answer was lost with
//! its process. The provider knows its own by our id.

use diesel_async::AsyncConnection;

use super::{
    super::{
        api::{Provider, ProviderPayment},
        book::Book,
        error::PaymentError,
        repo::{self, PaymentRow},
    },
    PaymentService,
    budget::Budget,
    recover::made_until,
};

impl PaymentService {
    /// The provider's name for the payment; looked for at the provider, and kept, if need be.
    ///
    /// # Errors
    /// When the provider does not answer, or shows no such payment.
    pub(super) async fn name_of(
        &self,
        payment: &PaymentRow,
        provider: &dyn Provider,
        budget: &mut Budget,
    ) -> Result<String, PaymentError> {
        if let Some(name) = &payment.provider_payment_id {
            return Ok(name.clone());
        }
        let found = budget.call(provider.find(payment.id, made_until(payment))).await?;
        let captured = found.iter().filter(|found| found.captured_minor > 0).count();
        if captured > 1 {
            tracing::error!(payment_id = %payment.id, captured, "captured more than once");
        }
        // of several, the one that holds the money
        let best = found.into_iter().max_by_key(|found| found.captured_minor);
        let Some(ProviderPayment { provider_payment_id: name, .. }) = best else {
            tracing::error!(payment_id = %payment.id, "its provider does not know it");
            return Err(PaymentError::ProviderUnavailable);
        };
        tracing::warn!(payment_id = %payment.id, name, "found at the provider, and named");
        self.keep_name(payment, &name).await
    }

    /// A webhook may have named it meanwhile; a name that is known stays.
    async fn keep_name(&self, payment: &PaymentRow, name: &str) -> Result<String, PaymentError> {
        let mut conn = self.database.conn().await?;
        let kept = conn
            .transaction(async |conn| -> Result<_, PaymentError> {
                let mut book = Book::open(conn, &payment.provider, &[payment.id], &[]).await?;
                book.name(payment.id, name);
                book.store(conn).await?;
                repo::wake_deferred(conn, &[payment.id], &[name]).await?;
                let kept = book.payment(payment.id).and_then(|row| row.provider_payment_id.clone());
                kept.ok_or(PaymentError::NotFound)
            })
            .await?;
        self.wake_inbox();
        Ok(kept)
    }
}
