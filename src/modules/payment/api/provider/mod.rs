//! The seam to a payment provider. The payment module drives it; a provider's own module
//! implements it; `app.rs` plugs the two together.

mod list;
mod payment;
mod refund;
mod webhook;

use std::{borrow::Cow, fmt, time::Duration};

use actix_web::http::header::HeaderMap;
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;

use crate::kernel::{ids::PaymentId, money::Money};

pub use list::{EventPage, ListedEvent, PaymentPage, ReturnedPage};
pub use payment::{
    CaptureMethod, CreateAnswer, CreateRequest, Created, ProviderPayment, ProviderStatus,
};
pub use refund::{
    ProviderDispute, ProviderDisputeStatus, ProviderRefund, ProviderRefundStatus, RefundRequest,
};
pub use webhook::{WebhookError, WebhookEvent, WebhookKind};

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
    /// It has not been asked, for it does not answer just now; try again after so long.
    #[error("the provider is left alone for now")]
    Paused(Duration),
}

impl ProviderError {
    /// One of a few words, for traces.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Refused(_) => "refused",
            Self::Unavailable(_) => "unavailable",
            Self::Paused(_) => "paused",
        }
    }
}

/// A payment provider. Every call is bounded in time by the provider itself (at most 8 s), and may
/// be repeated: the same payment id or key never has a second effect.
pub trait Provider: Send + Sync + 'static {
    /// The name in paths and columns: `sandbox`, `stripe`.
    fn name(&self) -> &'static str;

    /// Whether it would be called now, or after how long to ask again.
    fn available(&self) -> Result<(), Duration> {
        Ok(())
    }

    /// Whether a payment method has the form of one, before anything is written for it; if not,
    /// why. Methods that only the provider can judge pass.
    fn check_method(&self, _payment_method: &str) -> Result<(), String> {
        Ok(())
    }

    /// The part of a payment method that stands for one card or account, so that it can be counted;
    /// `None` where the word is everybody's.
    fn source<'a>(&self, payment_method: &'a str) -> Option<&'a str> {
        Some(payment_method)
    }

    /// Whether an amount can be expressed at this provider, before anything is written for it; if
    /// not, why.
    fn check_amount(&self, _amount: Money) -> Result<(), String> {
        Ok(())
    }

    /// Makes the payment, once for `idempotency_key` (`pay_<payment id>`, and
    /// `pay_<payment id>_<n>` where recovery has to try under another one).
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

    /// Captures all that is authorized, once for `idempotency_key` (`cap_<payment id>`). Of a
    /// payment that is captured already, it says so; of one that cannot be, `Refused`.
    fn capture<'a>(
        &'a self,
        provider_payment_id: &'a str,
        idempotency_key: &'a str,
    ) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>>;

    /// Gives money back, once for `idempotency_key` (`re_<refund id>`).
    fn refund<'a>(
        &'a self,
        request: &'a RefundRequest,
        idempotency_key: &'a str,
    ) -> BoxFuture<'a, Result<ProviderRefund, ProviderError>>;

    /// The payment with its refunds and disputes.
    fn retrieve<'a>(
        &'a self,
        provider_payment_id: &'a str,
    ) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>>;

    /// The provider's payments whose metadata carry our id: none, one, or by mistake several. After
    /// `until`, where it is known, none can have been made.
    fn find(
        &self,
        payment_id: PaymentId,
        until: Option<DateTime<Utc>>,
    ) -> BoxFuture<'_, Result<Vec<ProviderPayment>, ProviderError>>;

    /// The provider's events after `cursor` (`None`: from `since`), oldest first.
    fn events<'a>(
        &'a self,
        since: DateTime<Utc>,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<EventPage, ProviderError>>;

    /// The provider's payments that were made for us in `[from, to)`, page by page.
    fn payments<'a>(
        &'a self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<PaymentPage, ProviderError>>;

    /// Payments, made at any time, of which a refund or a dispute was made in `[from, to)`, or
    /// changed as far as the provider can tell; page by page, and maybe more than once.
    fn returned<'a>(
        &'a self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<ReturnedPage, ProviderError>>;

    /// Checks the signature over the raw body, in constant time, and the signed time.
    fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), WebhookError>;

    /// What two deliveries of one event have in common: if it differs, they contradict each other.
    fn essence<'a>(&self, body: &'a [u8]) -> Cow<'a, [u8]> {
        Cow::Borrowed(body)
    }

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
