//! The bank's words in those of the seam.

use chrono::{DateTime, Utc};

use super::super::{
    model::{BankDispute, BankPayment, BankRefund, DisputeStatus, RefundStatus, Status},
    repo::Said,
    service::Creation,
};
use crate::modules::payment::api::{
    CreateAnswer, Created, ListedEvent, ProviderDispute, ProviderDisputeStatus, ProviderPayment,
    ProviderRefund, ProviderRefundStatus, ProviderStatus,
};

/// When the last payment of the page before was made, and its id.
pub fn read_cursor(cursor: &str) -> Option<(DateTime<Utc>, &str)> {
    let (micros, id) = cursor.split_once(' ')?;
    Some((DateTime::from_timestamp_micros(micros.parse().ok()?)?, id))
}

pub fn answer(creation: Creation) -> CreateAnswer {
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
            payment_id: Some(payment.payment_id),
            authorization_expires_at: payment.hold_expires_at,
            refunds: None,
            disputes: None,
        }
    }
}

impl From<BankRefund> for ProviderRefund {
    fn from(refund: BankRefund) -> Self {
        Self {
            status: match refund.status {
                RefundStatus::Succeeded => ProviderRefundStatus::Succeeded,
                RefundStatus::Failed => ProviderRefundStatus::Failed,
            },
            provider_refund_id: refund.id,
            refund_id: refund.refund_id,
            amount_minor: refund.amount_minor,
        }
    }
}

/// How the bank answers him who asks for a refund: of one that will fail it does not know that yet.
pub fn first_word(refund: BankRefund) -> ProviderRefund {
    let undecided = refund.status == RefundStatus::Failed;
    let mut said = ProviderRefund::from(refund);
    if undecided {
        said.status = ProviderRefundStatus::Pending;
    }
    said
}

/// `None` of an inquiry.
pub fn dispute(dispute: BankDispute) -> Option<ProviderDispute> {
    let status = match dispute.status {
        DisputeStatus::Inquiry => return None,
        DisputeStatus::Open => ProviderDisputeStatus::Open,
        DisputeStatus::Won => ProviderDisputeStatus::Won,
        DisputeStatus::Lost => ProviderDisputeStatus::Lost,
    };
    let amount_minor = dispute.amount_minor;
    Some(ProviderDispute { provider_dispute_id: dispute.id, status, amount_minor })
}

impl From<Said> for ListedEvent {
    fn from(said: Said) -> Self {
        Self { event_id: said.event_id, body: said.body.into_bytes() }
    }
}
