//! Webhooks, in our words.

use chrono::{DateTime, Utc};

use crate::{
    kernel::{
        ids::{PaymentId, RefundId},
        money::Currency,
    },
    platform::telemetry::TraceContext,
};

/// A webhook, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEvent {
    pub event_id: String,
    /// The provider's name for what happened.
    pub event_type: String,
    pub occurred_at: Option<DateTime<Utc>>,
    pub provider_payment_id: Option<String>,
    /// Our own id, from the metadata.
    pub payment_id: Option<PaymentId>,
    /// Of the request that made the payment, from the metadata.
    pub trace: Option<TraceContext>,
    /// It is about something that would bear our mark if it were ours, and does not: of another
    /// application at the same provider, unless we know it by the provider's name.
    pub foreign: bool,
    pub currency: Option<Currency>,
    pub kind: WebhookKind,
}

/// What a webhook says, in our words. Amounts are in minor units, as the provider gave them:
/// `None` where it gave none; the payment module judges them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookKind {
    Processing,
    Authorized,
    /// `cumulative_minor`: all that was captured so far.
    Captured {
        cumulative_minor: Option<i64>,
    },
    AttemptFailed,
    Canceled,
    RefundSucceeded {
        refund_ref: String,
        /// Ours, from the metadata: the event may come before the answer that made the refund.
        refund_id: Option<RefundId>,
        amount_minor: Option<i64>,
    },
    RefundFailed {
        refund_ref: String,
        refund_id: Option<RefundId>,
        amount_minor: Option<i64>,
    },
    /// What has gone back in all, or is on its way, without a word of the single refunds.
    Refunded {
        cumulative_minor: i64,
    },
    DisputeOpened {
        dispute_ref: String,
        amount_minor: Option<i64>,
    },
    DisputeWon {
        dispute_ref: String,
        amount_minor: Option<i64>,
    },
    DisputeLost {
        dispute_ref: String,
        amount_minor: Option<i64>,
    },
    /// A type that means nothing to us.
    Unknown,
}

/// Why a webhook is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    #[error("the signature is missing or wrong")]
    Signature,
    #[error("the signed time is more than 300 s from now")]
    Timestamp,
    /// Rightly signed, but no event of this provider.
    #[error("{0}")]
    Malformed(String),
    /// Of the provider's test mode where ours is the live one, or the other way round.
    #[error("{0}")]
    WrongMode(String),
}
