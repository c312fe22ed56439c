//! What can go wrong with a payment, and how the client hears of it.

use std::time::Duration;

use super::api::ProviderError;
use crate::{
    kernel::{
        ids::PaymentId,
        problem::{Problem, ProblemCode},
    },
    modules::pledge::api::NotPayable,
    platform::{batching::SubmitError, postgres::DbError},
};

#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    #[error("there is no such payment, or it is not yours to know of")]
    NotFound,
    #[error("there is no such pledge, or it is not yours to pay for")]
    PledgeNotFound,
    #[error("no such provider is configured here")]
    UnknownProvider,
    #[error("the pledge has a payment that is on its way or captured")]
    AlreadyActive(PaymentId),
    #[error("there is no such refund")]
    RefundNotFound,
    #[error(
        "{available_minor} can be given back: captured, not refunded or disputed, not on its way"
    )]
    RefundExceeds { available_minor: i64 },
    #[error("cannot {act} a payment that is {status}")]
    InvalidTransition { act: &'static str, status: String },
    #[error("{0}")]
    NotPayable(String),
    #[error("the provider refused the payment: {0}")]
    Refused(String),
    #[error("{0}")]
    AmountOutOfRange(String),
    #[error("the payment provider did not answer as it should; try again with the same key")]
    ProviderUnavailable,
    #[error("the payment provider does not answer; nothing was sent")]
    ProviderPaused(Duration),
    #[error("another attempt of the same request has taken over")]
    Fenced,
    #[error(transparent)]
    Submit(#[from] SubmitError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for PaymentError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Of a question, which may be asked again whatever the provider said to it.
impl From<ProviderError> for PaymentError {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Paused(wait) => Self::ProviderPaused(wait),
            _ => Self::ProviderUnavailable,
        }
    }
}

impl From<NotPayable> for PaymentError {
    fn from(error: NotPayable) -> Self {
        match error {
            NotPayable::Query(error) => error.into(),
            reason => Self::NotPayable(reason.to_string()),
        }
    }
}

impl From<PaymentError> for Problem {
    fn from(error: PaymentError) -> Self {
        let detail = error.to_string();
        let code = match error {
            PaymentError::NotFound
            | PaymentError::PledgeNotFound
            | PaymentError::RefundNotFound => ProblemCode::NotFound,
            PaymentError::RefundExceeds { available_minor } => {
                return Self::new(ProblemCode::RefundExceedsAvailable, detail)
                    .with("available_minor", available_minor);
            }
            PaymentError::InvalidTransition { .. } => ProblemCode::InvalidTransition,
            PaymentError::UnknownProvider => {
                return Self::field("provider", "unknown", detail);
            }
            PaymentError::Refused(reason) => {
                return Self::field("payment_method", "refused", reason);
            }
            PaymentError::AlreadyActive(id) => {
                return Self::new(ProblemCode::PaymentAlreadyActive, detail)
                    .with("payment_id", id.to_string());
            }
            PaymentError::NotPayable(_) => ProblemCode::PledgeNotPayable,
            PaymentError::AmountOutOfRange(_) => ProblemCode::AmountOutOfRange,
            PaymentError::ProviderUnavailable => ProblemCode::ProviderUnavailable,
            PaymentError::ProviderPaused(wait) => {
                let seconds = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
                let problem = Self::new(ProblemCode::ProviderUnavailable, detail);
                return Self { retry_after: Some(seconds.max(1)), ..problem };
            }
            PaymentError::Fenced => ProblemCode::IdempotencyInProgress,
            PaymentError::Submit(error) => return error.into(),
            PaymentError::Db(error) => return error.into(),
        };
        Self::new(code, detail)
    }
}
