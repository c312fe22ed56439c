//! From the words at the provider's seam to those of the model.

use super::super::{
    api::{ProviderPayment, ProviderStatus as Said, WebhookEvent, WebhookKind},
    model::{EventKind, ProviderEvent, ProviderStatus, Rejection, Snapshot},
};
use crate::kernel::money::Currency;

/// What a webhook means for a payment in `expected` currency. `Ok(None)`: nothing.
///
/// # Errors
/// A refund or dispute without an amount: nobody could tell it.
pub fn provider_event(
    event: &WebhookEvent,
    expected: Currency,
) -> Result<Option<ProviderEvent>, Rejection> {
    let amount = |minor: &Option<i64>| minor.ok_or(Rejection::MissingAmount);
    let kind = match &event.kind {
        WebhookKind::Unknown => return Ok(None),
        WebhookKind::Processing => EventKind::Processing,
        WebhookKind::Authorized => EventKind::Authorized,
        WebhookKind::Captured { .. } => EventKind::Captured,
        WebhookKind::AttemptFailed => EventKind::AttemptFailed,
        WebhookKind::Canceled => EventKind::Canceled,
        WebhookKind::RefundSucceeded { refund_ref, amount_minor } => EventKind::RefundSucceeded {
            refund_ref: refund_ref.clone(),
            amount_minor: amount(amount_minor)?,
        },
        WebhookKind::RefundFailed { refund_ref, amount_minor } => EventKind::RefundFailed {
            refund_ref: refund_ref.clone(),
            amount_minor: amount(amount_minor)?,
        },
        WebhookKind::DisputeOpened { dispute_ref, amount_minor } => EventKind::DisputeOpened {
            dispute_ref: dispute_ref.clone(),
            amount_minor: amount(amount_minor)?,
        },
        WebhookKind::DisputeWon { dispute_ref, amount_minor } => EventKind::DisputeWon {
            dispute_ref: dispute_ref.clone(),
            amount_minor: amount(amount_minor)?,
        },
        WebhookKind::DisputeLost { dispute_ref, amount_minor } => EventKind::DisputeLost {
            dispute_ref: dispute_ref.clone(),
            amount_minor: amount(amount_minor)?,
        },
    };
    let captured_minor = match event.kind {
        WebhookKind::Captured { cumulative_minor } => cumulative_minor,
        _ => None,
    };
    Ok(Some(ProviderEvent { kind, currency: event.currency.unwrap_or(expected), captured_minor }))
}

/// What the provider answered about a payment that was at `asked_at_version` when it was asked.
pub fn snapshot(payment: &ProviderPayment, asked_at_version: i64) -> Snapshot {
    let status = match payment.status {
        Said::AwaitingMethod => ProviderStatus::AwaitingMethod,
        Said::Processing => ProviderStatus::Processing,
        Said::Authorized => ProviderStatus::Authorized,
        Said::Captured => ProviderStatus::Captured,
        Said::Canceled => ProviderStatus::Canceled,
    };
    Snapshot {
        asked_at_version,
        status,
        currency: payment.currency,
        captured_minor: (payment.captured_minor > 0).then_some(payment.captured_minor),
        refunds: None,
        disputes: None,
    }
}
