//! Payments as a provider has them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::refund::{ProviderDispute, ProviderRefund};
use crate::kernel::{ids::PaymentId, money::Currency};

/// Whether the provider captures by itself once a hold is placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaptureMethod {
    Automatic,
    Manual,
}

impl CaptureMethod {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Manual => "manual",
        }
    }
}

/// The exact request that is stored before it is sent, so that it can be sent again unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateRequest {
    /// Travels in the provider's metadata, and comes back with every event.
    pub payment_id: PaymentId,
    pub amount_minor: i64,
    pub currency: Currency,
    pub capture_method: CaptureMethod,
    /// Confirms the payment at once.
    pub payment_method: Option<String>,
    /// The `traceparent` of the request that made the payment. Travels and comes back as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_context: Option<String>,
}

/// A payment that the provider has made for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    pub provider_payment_id: String,
    /// With this the donor's browser confirms the payment at the provider.
    pub client_secret: Option<String>,
    pub checkout_url: Option<String>,
}

/// How the provider answered a [`CreateRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreateAnswer {
    Created(Created),
    /// The payment exists, its payment method was refused; another one may still succeed.
    Declined {
        created: Created,
        reason: String,
    },
}

/// What the provider says of a payment when it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderPayment {
    pub provider_payment_id: String,
    pub status: ProviderStatus,
    pub currency: Currency,
    /// All that was ever captured, refunded or not.
    pub captured_minor: i64,
    /// Ours, from the metadata.
    pub payment_id: Option<PaymentId>,
    /// When the money set aside goes back by itself, while it is.
    pub authorization_expires_at: Option<DateTime<Utc>>,
    /// `None` when they were not fetched.
    pub refunds: Option<Vec<ProviderRefund>>,
    /// `None` when they were not fetched. Inquiries, which move no money, are not among them.
    pub disputes: Option<Vec<ProviderDispute>>,
}

/// The provider's own word for where a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderStatus {
    /// Not confirmed yet, or the last attempt failed.
    AwaitingMethod,
    Processing,
    Authorized,
    Captured,
    /// It can never succeed any more.
    Canceled,
}
