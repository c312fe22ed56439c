//! From Stripe's objects to the words at the seam.

use chrono::DateTime;

use crate::{
    kernel::money::Currency,
    modules::{
        payment::api::{
            ProviderDispute, ProviderDisputeStatus, ProviderPayment, ProviderRefund,
            ProviderRefundStatus, ProviderStatus,
        },
        stripe::{
            currency::{from_stripe, parse},
            dto::{Dispute, Expandable, PaymentIntent, Refund},
            error::StripeError,
        },
    },
};

impl TryFrom<&PaymentIntent> for ProviderPayment {
    type Error = StripeError;

    fn try_from(intent: &PaymentIntent) -> Result<Self, StripeError> {
        let currency = parse(&intent.currency)?;
        let status = status(&intent.status)?;
        let expires = capture_before(intent).filter(|_| status == ProviderStatus::Authorized);
        Ok(Self {
            provider_payment_id: intent.id.clone(),
            status,
            currency,
            captured_minor: from_stripe(intent.amount_received.unwrap_or(0), currency)?,
            payment_id: intent.metadata.payment_id,
            authorization_expires_at: expires.and_then(|at| DateTime::from_timestamp(at, 0)),
            refunds: None,
            disputes: None,
        })
    }
}

fn capture_before(intent: &PaymentIntent) -> Option<i64> {
    match intent.latest_charge.as_ref()? {
        Expandable::Object(charge) => {
            charge.payment_method_details.as_ref()?.card.as_ref()?.capture_before
        }
        Expandable::Id(_) => None,
    }
}

fn status(said: &str) -> Result<ProviderStatus, StripeError> {
    match said {
        "requires_payment_method" | "requires_confirmation" | "requires_action" => {
            Ok(ProviderStatus::AwaitingMethod)
        }
        "processing" => Ok(ProviderStatus::Processing),
        "requires_capture" => Ok(ProviderStatus::Authorized),
        "succeeded" => Ok(ProviderStatus::Captured),
        "canceled" => Ok(ProviderStatus::Canceled),
        other => Err(StripeError::Strange(format!("a payment has the unknown status `{other}`"))),
    }
}

/// A refund of a payment in `expected` currency.
pub fn refund(refund: &Refund, expected: Currency) -> Result<ProviderRefund, StripeError> {
    let status = match refund.status.as_deref() {
        Some("succeeded") => ProviderRefundStatus::Succeeded,
        Some("failed" | "canceled") => ProviderRefundStatus::Failed,
        // it may need the donor's help, or it is older than statuses
        _ => ProviderRefundStatus::Pending,
    };
    Ok(ProviderRefund {
        provider_refund_id: refund.id.clone(),
        refund_id: refund.metadata.refund_id,
        status,
        amount_minor: amount(refund.amount, &refund.currency, expected)?,
    })
}

/// A dispute of a payment in `expected` currency; `None`: it moves no money.
pub fn dispute(
    dispute: &Dispute,
    expected: Currency,
) -> Result<Option<ProviderDispute>, StripeError> {
    let status = match dispute.status.as_str() {
        "needs_response" | "under_review" => ProviderDisputeStatus::Open,
        "won" => ProviderDisputeStatus::Won,
        "lost" => ProviderDisputeStatus::Lost,
        // an inquiry, or one that was prevented
        _ => return Ok(None),
    };
    let amount_minor = amount(dispute.amount, &dispute.currency, expected)?;
    Ok(Some(ProviderDispute { provider_dispute_id: dispute.id.clone(), status, amount_minor }))
}

fn amount(amount: i64, currency: &str, expected: Currency) -> Result<i64, StripeError> {
    if parse(currency)? != expected {
        let why = format!("an amount in {currency} of a payment in {expected}");
        return Err(StripeError::Strange(why));
    }
    Ok(from_stripe(amount, expected)?)
}
