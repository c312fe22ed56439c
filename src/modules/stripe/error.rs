//! Why Stripe did not do it, and what that means to the payment module.

use serde::Deserialize;

use super::{currency::Inexpressible, dto::PaymentIntent};
use crate::modules::payment::api::ProviderError;

/// What can go wrong with a call.
#[derive(Debug, thiserror::Error)]
pub enum StripeError {
    /// No answer in time, or none that can be understood: the act may or may not have happened.
    #[error("{0}")]
    NoAnswer(String),
    #[error("{status}: {}", body.summary())]
    Answered { status: u16, body: Box<ErrorBody> },
    #[error(transparent)]
    Inexpressible(#[from] Inexpressible),
    /// An object of the other mode, or of a kind that we do not know.
    #[error("{0}")]
    Strange(String),
}

/// `error` in Stripe's answers.
#[derive(Debug, Default, Deserialize)]
pub struct ErrorBody {
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub decline_code: Option<String>,
    #[serde(default)]
    pub message: Option<String>,
    /// The payment that was made, although its method was declined.
    #[serde(default)]
    pub payment_intent: Option<PaymentIntent>,
}

impl ErrorBody {
    /// For people; Stripe writes the messages of declines for the one who pays.
    pub fn summary(&self) -> String {
        let words = [&self.message, &self.decline_code, &self.code, &self.kind];
        let first = words.into_iter().flatten().next();
        first.map_or("no reason given", String::as_str).chars().take(500).collect()
    }
}

impl StripeError {
    /// Stripe has judged the request itself, and done nothing of it.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Answered { status, body } => {
                // a key that was used for another request: that one may well have been carried out
                let misused = body.kind.as_deref() == Some("idempotency_error");
                matches!(status, 400 | 402 | 404 | 405..=408 | 410..=428) && !misused
            }
            Self::Inexpressible(_) => true,
            Self::NoAnswer(_) | Self::Strange(_) => false,
        }
    }

    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Answered { status: 404, .. })
    }

    /// The object is in a state in which this cannot be done: it has to be looked at.
    pub fn is_about_state(&self) -> bool {
        matches!(self, Self::Answered { status: 400, body }
            if body.code.as_deref() == Some("payment_intent_unexpected_state"))
    }
}

impl From<StripeError> for ProviderError {
    fn from(error: StripeError) -> Self {
        match &error {
            error if error.is_not_found() => Self::NotFound,
            StripeError::Answered { body, .. } if error.is_refusal() => {
                Self::Refused(body.summary())
            }
            // Stripe's words quote the key
            StripeError::Answered { status: status @ (401 | 403), .. } => {
                Self::Unavailable(format!("Stripe does not accept our secret key here ({status})"))
            }
            StripeError::Inexpressible(why) => Self::Refused(why.to_string()),
            error => Self::Unavailable(error.to_string()),
        }
    }
}
