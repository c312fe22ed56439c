//! What can go wrong with a pledge, and how the client hears of it.

use crate::{
    kernel::{
        money::{Currency, Money},
        problem::{Problem, ProblemCode},
    },
    modules::auth::api::AuthError,
    platform::{batching::SubmitError, postgres::DbError},
};

#[derive(Debug, thiserror::Error)]
pub enum PledgeError {
    #[error("there is no such pledge, or it is not yours to know of")]
    NotFound,
    #[error("donor_email {0}")]
    DonorEmail(&'static str),
    #[error("the account is gone")]
    UnknownUser,
    #[error("no published campaign has this id")]
    CampaignNotFound,
    #[error("the campaign does not accept gifts: {0}")]
    CampaignNotAccepting(String),
    #[error("the campaign collects {0}")]
    CurrencyMismatch(Currency),
    #[error("a gift is from {min} to {max}")]
    AmountOutOfRange { min: Money, max: Money },
    #[error("the campaign has room for {room} before its goal is reached")]
    GoalExceeded { room: Money },
    #[error("money was captured for it")]
    NotCancellable,
    #[error("another attempt of the same request has taken over")]
    Fenced,
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error(transparent)]
    Submit(#[from] SubmitError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for PledgeError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl From<PledgeError> for Problem {
    fn from(error: PledgeError) -> Self {
        let code = match error {
            PledgeError::NotFound => ProblemCode::NotFound,
            PledgeError::DonorEmail(why) => return Self::field("donor_email", "invalid", why),
            PledgeError::UnknownUser => ProblemCode::Unauthorized,
            PledgeError::CampaignNotFound => ProblemCode::CampaignNotFound,
            PledgeError::CampaignNotAccepting(_) => ProblemCode::CampaignNotAccepting,
            PledgeError::CurrencyMismatch(_) => ProblemCode::CurrencyMismatch,
            PledgeError::AmountOutOfRange { .. } => ProblemCode::AmountOutOfRange,
            PledgeError::GoalExceeded { .. } => ProblemCode::GoalExceeded,
            PledgeError::NotCancellable => ProblemCode::PledgeNotCancellable,
            PledgeError::Fenced => ProblemCode::IdempotencyInProgress,
            PledgeError::Auth(error) => return error.into(),
            PledgeError::Submit(error) => return error.into(),
            PledgeError::Db(error) => return error.into(),
        };
        Self::new(code, error.to_string())
    }
}
