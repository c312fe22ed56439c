//! Why the bank did not do it, for HTTP and for the payment module.

use super::{model::RuleError, service::KeyReused};
use crate::{
    kernel::problem::{Problem, ProblemCode},
    modules::payment::api::ProviderError,
    platform::{batching::SubmitError, postgres::DbError},
};

/// What can go wrong at the bank.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("the bank has no such payment")]
    NoPayment,
    #[error("the bank has no such account")]
    NoAccount,
    #[error("the bank has no such dispute")]
    NoDispute,
    #[error(transparent)]
    Rule(#[from] RuleError),
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    #[error(transparent)]
    Submit(#[from] SubmitError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for SandboxError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl From<SandboxError> for Problem {
    fn from(error: SandboxError) -> Self {
        let code = match &error {
            SandboxError::NoPayment | SandboxError::NoAccount | SandboxError::NoDispute => {
                ProblemCode::NotFound
            }
            SandboxError::Rule(RuleError::Currency { .. }) => ProblemCode::CurrencyMismatch,
            SandboxError::Rule(RuleError::Refund { .. }) => ProblemCode::RefundExceedsAvailable,
            SandboxError::Rule(_) | SandboxError::KeyReused(_) => ProblemCode::InvalidTransition,
            SandboxError::Submit(_) | SandboxError::Db(_) => ProblemCode::Internal,
        };
        match error {
            SandboxError::Submit(error) => error.into(),
            SandboxError::Db(error) => error.into(),
            error => Self::new(code, error.to_string()),
        }
    }
}

impl From<SandboxError> for ProviderError {
    fn from(error: SandboxError) -> Self {
        match error {
            SandboxError::NoPayment => Self::NotFound,
            SandboxError::Submit(error) => Self::Unavailable(error.to_string()),
            SandboxError::Db(error) => Self::Unavailable(error.to_string()),
            error => Self::Refused(error.to_string()),
        }
    }
}
