//! From the words at the provider's seam to those of the model.

use super::super::{
    api::{
        ProviderDispute, ProviderDisputeStatus, ProviderPayment, ProviderRefund,
        ProviderRefundStatus, ProviderStatus as Said, WebhookEvent, WebhookKind,
    },
    model::{
        DisputeReport, DisputeState, EventKind, ProviderEvent, ProviderStatus, RefundReport,
        RefundState, Rejection, Snapshot,
    },
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
        WebhookKind::RefundSucceeded { refund_ref, amount_minor, .. } => {
            EventKind::RefundSucceeded {
                refund_ref: refund_ref.clone(),
                amount_minor: amount(amount_minor)?,
            }
        }
        WebhookKind::RefundFailed { refund_ref, amount_minor, .. } => EventKind::RefundFailed {
            refund_ref: refund_ref.clone(),
            amount_minor: amount(amount_minor)?,
        },
        WebhookKind::Refunded { cumulative_minor } => {
            EventKind::RefundTotal { cumulative_minor: *cumulative_minor }
        }
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
        refunds: payment.refunds.as_ref().map(|all| all.iter().filter_map(refund).collect()),
        disputes: payment.disputes.as_ref().map(|all| all.iter().map(dispute).collect()),
    }
}

/// `None` of a refund that has not been decided.
fn refund(refund: &ProviderRefund) -> Option<RefundReport> {
    let state = match refund.status {
        ProviderRefundStatus::Pending => return None,
        ProviderRefundStatus::Succeeded => RefundState::Succeeded,
        ProviderRefundStatus::Failed => RefundState::Failed,
    };
    let refund_ref = refund.provider_refund_id.clone();
    Some(RefundReport { refund_ref, amount_minor: refund.amount_minor, state })
}

fn dispute(dispute: &ProviderDispute) -> DisputeReport {
    DisputeReport {
        dispute_ref: dispute.provider_dispute_id.clone(),
        amount_minor: dispute.amount_minor,
        state: match dispute.status {
            ProviderDisputeStatus::Open => DisputeState::Open,
            ProviderDisputeStatus::Won => DisputeState::Won,
            ProviderDisputeStatus::Lost => DisputeState::Lost,
        },
    }
}
