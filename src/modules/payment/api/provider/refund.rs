//! What goes back: refunds, which we ask for, and disputes, which the donor's bank decides.

use serde::{Deserialize, Serialize};

use crate::kernel::{
    ids::{PaymentId, RefundId},
    money::Currency,
};

/// What we ask the provider to give back. Stored in the refund's row before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundRequest {
    /// Travels in the provider's metadata, and comes back with every event.
    pub refund_id: RefundId,
    pub payment_id: PaymentId,
    pub provider_payment_id: String,
    pub amount_minor: i64,
    pub currency: Currency,
}

/// The provider's word for where a refund is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderRefundStatus {
    /// Accepted, not decided.
    Pending,
    Succeeded,
    /// The money stayed with us, or came back.
    Failed,
}

/// A refund as the provider has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderRefund {
    pub provider_refund_id: String,
    /// Ours, from the metadata; none of a refund that was made at the provider's own dashboard.
    pub refund_id: Option<RefundId>,
    pub status: ProviderRefundStatus,
    pub amount_minor: i64,
}

/// Where a dispute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderDisputeStatus {
    /// The money has been withdrawn for now.
    Open,
    /// It came back.
    Won,
    /// It is gone.
    Lost,
}

/// A dispute as the provider has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderDispute {
    pub provider_dispute_id: String,
    pub status: ProviderDisputeStatus,
    pub amount_minor: i64,
}
