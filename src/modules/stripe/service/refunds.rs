//! Money that goes back: by refunds, and by disputes.

use tokio::time::Instant;

use super::{
    PAGE, StripeAccount, deadline,
    translate::{dispute, refund},
};
use crate::{
    kernel::money::{Currency, Money},
    modules::{
        payment::api::{ProviderDispute, ProviderError, ProviderRefund, RefundRequest},
        stripe::{
            client::Call,
            currency,
            dto::{Dispute, List, PAYMENT_ID, REFUND_ID, Refund},
            error::StripeError,
        },
    },
};

impl StripeAccount {
    /// Once for its key. Our ids travel along, and come back with every event.
    pub async fn refund(
        &self,
        request: &RefundRequest,
        key: &str,
    ) -> Result<ProviderRefund, ProviderError> {
        let amount = currency::to_stripe(Money::new(request.amount_minor, request.currency))
            .map_err(StripeError::from)?;
        let call = Call::post(&["refunds"], Some(key))
            .field("payment_intent", &request.provider_payment_id)
            .field("amount", amount)
            .field(format!("metadata[{PAYMENT_ID}]"), request.payment_id)
            .field(format!("metadata[{REFUND_ID}]"), request.refund_id);
        let made: Refund = self.client.send(&call, deadline()).await?;
        Ok(refund(&made, request.currency)?)
    }

    pub(super) async fn refunds_of(
        &self,
        intent: &str,
        currency: Currency,
        until: Instant,
    ) -> Result<Option<Vec<ProviderRefund>>, StripeError> {
        let call = Call::get(&["refunds"]).field("payment_intent", intent).field("limit", PAGE);
        let list: List<Refund> = self.client.send(&call, until).await?;
        let all = list.data.iter().map(|one| refund(one, currency)).collect::<Result<_, _>>()?;
        Ok(Some(all).filter(|_| complete(&list, intent)))
    }

    /// Without inquiries, which move no money. `None` also when one is in another currency than
    /// the payment: it cannot be compared with it.
    pub(super) async fn disputes_of(
        &self,
        intent: &str,
        currency: Currency,
        until: Instant,
    ) -> Result<Option<Vec<ProviderDispute>>, StripeError> {
        let call = Call::get(&["disputes"]).field("payment_intent", intent).field("limit", PAGE);
        let list: List<Dispute> = self.client.send(&call, until).await?;
        let told = list.data.iter().map(|one| dispute(one, currency));
        match told.collect::<Result<Vec<_>, _>>() {
            Ok(all) => {
                let all = all.into_iter().flatten().collect();
                Ok(Some(all).filter(|_| complete(&list, intent)))
            }
            Err(error) => {
                tracing::warn!(intent, %error, "its disputes cannot be compared with it");
                Ok(None)
            }
        }
    }
}

/// More than a page of them is no gift's story: then nothing is claimed about all of them.
fn complete<T>(list: &List<T>, intent: &str) -> bool {
    if list.has_more {
        tracing::warn!(intent, "more refunds or disputes than are listed at once");
    }
    !list.has_more
}
