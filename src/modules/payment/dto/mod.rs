//! Payments as they go over the wire.

mod refund;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    api::CaptureMethod,
    repo::{HistoryRow, PaymentRow},
};
use crate::kernel::{
    ids::{CampaignId, PaymentId, PledgeId},
    money::Currency,
};

pub use refund::{CreateRefund, Nothing, RefundBody};

/// A pledge to pay for.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "pledge_id": "01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f",
    "payment_method": "pm_success"
}))]
pub struct CreatePayment {
    pub pledge_id: PledgeId,
    /// `sandbox` or `stripe`; the configured default unless given.
    #[schema(pattern = "^[a-z]+$", max_length = 32, example = "sandbox")]
    pub provider: Option<String>,
    /// `automatic` unless given: captured as soon as the hold is placed.
    pub capture_method: Option<CaptureMethod>,
    /// Confirms the payment at once, in the provider's words.
    #[schema(min_length = 1, max_length = 255, pattern = r"^[^\x00]*$", example = "pm_success")]
    pub payment_method: Option<String>,
}

/// A payment.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentBody {
    pub id: PaymentId,
    pub pledge_id: PledgeId,
    pub campaign_id: CampaignId,
    #[schema(example = "sandbox")]
    pub provider: String,
    #[schema(required, example = "sbx_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f")]
    pub provider_payment_id: Option<String>,
    #[schema(pattern = "^(pending|failed|authorized|captured|refunded)$", example = "pending")]
    pub status: String,
    #[schema(example = 2500)]
    pub amount_minor: i64,
    #[schema(example = 0)]
    pub captured_minor: i64,
    #[schema(example = 0)]
    pub refunded_minor: i64,
    #[schema(example = 0)]
    pub disputed_minor: i64,
    pub currency: Currency,
    #[schema(example = "automatic")]
    pub capture_method: String,
    /// The provider captured another amount than the pledge's.
    pub amount_mismatch: bool,
    /// For the donor, while the payment is pending: confirms it at the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        example = "sbx_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f_secret_Qm1wL2Q9a8yFqk4x"
    )]
    pub client_secret: Option<String>,
    /// For the donor, while the payment is pending: where to confirm it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        example = "https://pay.example.org/sbx_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f"
    )]
    pub checkout_url: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    #[schema(example = 1)]
    pub version: i64,
}

impl PaymentBody {
    /// `to_donor`: with what confirms the payment, while it is pending.
    pub fn new(row: PaymentRow, to_donor: bool) -> Self {
        let secret = to_donor && row.status == "pending";
        Self {
            id: row.id,
            pledge_id: row.pledge_id,
            campaign_id: row.campaign_id,
            provider: row.provider,
            provider_payment_id: row.provider_payment_id,
            status: row.status,
            amount_minor: row.amount_minor,
            captured_minor: row.captured_minor,
            refunded_minor: row.refunded_minor,
            disputed_minor: row.disputed_minor,
            currency: row.currency,
            capture_method: row.capture_method,
            amount_mismatch: row.amount_mismatch,
            client_secret: row.client_secret.filter(|_| secret),
            checkout_url: row.checkout_url.filter(|_| secret),
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        }
    }
}

/// One decision about a payment, also when it changed nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryEntry {
    /// The payment's version after the decision.
    #[schema(example = 2)]
    pub version: i64,
    #[schema(required, example = "pending")]
    pub from_status: Option<String>,
    #[schema(example = "captured")]
    pub to_status: String,
    /// What was heard, in the provider's words or ours.
    #[schema(example = "payment.captured")]
    pub event: String,
    /// `webhook`, `api`, `sweeper` or `admin`.
    #[schema(example = "webhook")]
    pub source: String,
    #[schema(required, example = "evt_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f")]
    pub provider_event_id: Option<String>,
    /// `applied`, `stale`, `duplicate`, `ignored`, `deferred` or `quarantined`.
    #[schema(example = "applied")]
    pub decision: String,
    /// Why, where there is more to say.
    #[schema(required, example = "skipped authorized")]
    pub reason: Option<String>,
    #[schema(example = 2500)]
    pub captured_minor: i64,
    #[schema(example = 0)]
    pub refunded_minor: i64,
    #[schema(example = 0)]
    pub disputed_minor: i64,
    #[schema(required, example = "0af7651916cd43dd8448eb211c80319c")]
    pub trace_id: Option<String>,
    /// When it happened, by the provider's clock.
    pub occurred_at: DateTime<Utc>,
    /// When we decided.
    pub recorded_at: DateTime<Utc>,
}

impl From<HistoryRow> for HistoryEntry {
    fn from(row: HistoryRow) -> Self {
        Self {
            version: row.version,
            from_status: row.from_status,
            to_status: row.to_status,
            event: row.event,
            source: row.source,
            provider_event_id: row.provider_event_id,
            decision: row.decision,
            reason: row.reason,
            captured_minor: row.captured_minor,
            refunded_minor: row.refunded_minor,
            disputed_minor: row.disputed_minor,
            trace_id: row.trace_id,
            occurred_at: row.occurred_at,
            recorded_at: row.recorded_at,
        }
    }
}

/// The answer to a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookReceipt {
    /// `accepted`, or `duplicate` when it was committed before.
    #[schema(example = "accepted")]
    pub status: &'static str,
}
