//! The seam to a payment provider. The payment module drives it; a provider's own module
//! implements it; `app.rs` plugs the two together.

use std::fmt;

use actix_web::http::header::HeaderMap;
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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

/// Why a provider did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    #[error("the provider does not know this payment")]
    NotFound,
    /// The provider understood and refused; asking again will not help.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// No answer, or one that says nothing: the act may or may not have happened.
    #[error("the provider is unavailable: {0}")]
    Unavailable(String),
}

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
        amount_minor: Option<i64>,
    },
    RefundFailed {
        refund_ref: String,
        amount_minor: Option<i64>,
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
}

/// A payment provider. Every call is bounded in time by the provider itself (at most 8 s), and may
/// be repeated: the same payment id or key never has a second effect.
pub trait Provider: Send + Sync + 'static {
    /// The name in paths and columns: `sandbox`, `stripe`.
    fn name(&self) -> &'static str;

    /// Whether a payment method has the form of one, before anything is written for it; if not,
    /// why. Methods that only the provider can judge pass.
    fn check_method(&self, _payment_method: &str) -> Result<(), String> {
        Ok(())
    }

    /// Makes the payment, once for `idempotency_key` (`pay_<payment id>`).
    fn create<'a>(
        &'a self,
        request: &'a CreateRequest,
        idempotency_key: &'a str,
    ) -> BoxFuture<'a, Result<CreateAnswer, ProviderError>>;

    /// Makes sure that nothing more is captured, and says where the payment ended: `Canceled`, or
    /// `Captured` when it was too late.
    fn cancel<'a>(
        &'a self,
        provider_payment_id: &'a str,
    ) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>>;

    fn retrieve<'a>(
        &'a self,
        provider_payment_id: &'a str,
    ) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>>;

    /// The provider's payments whose metadata carry our id: none, one, or by mistake several.
    fn find(
        &self,
        payment_id: PaymentId,
    ) -> BoxFuture<'_, Result<Vec<ProviderPayment>, ProviderError>>;

    /// Checks the signature over the raw body, in constant time, and the signed time.
    fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), WebhookError>;

    /// Reads a body whose signature is right. Unknown fields are tolerated. `headers` are there at
    /// the door, to be compared with the body, and absent when a stored body is read again.
    fn parse(&self, headers: Option<&HeaderMap>, body: &[u8])
    -> Result<WebhookEvent, WebhookError>;
}

impl fmt::Debug for dyn Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({})", self.name())
    }
}
