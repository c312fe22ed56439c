//! What can go wrong in administration, and how it is answered.

use crate::{
    kernel::problem::{Problem, ProblemCode},
    modules::{
        auth::api::{AuthError, admin::AdminRefusal},
        campaign::api::admin::CampaignError,
        payment::api::admin::NotReplayable,
    },
    platform::postgres::DbError,
};

#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("no dead letter has this id, or it has been replayed")]
    NoLetter,
    #[error("only of a cancelled campaign all gifts are refunded")]
    NotCancelled,
    #[error("the gifts of this campaign have not been refunded as a whole")]
    NoRefunds,
    #[error("a campaign could not be counted anew: {0:#}")]
    Recount(anyhow::Error),
    #[error(transparent)]
    User(#[from] AdminRefusal),
    #[error(transparent)]
    Campaign(#[from] CampaignError),
    #[error(transparent)]
    Webhook(#[from] NotReplayable),
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for AdminError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        let code = match error {
            AdminError::NoLetter
            | AdminError::NoRefunds
            | AdminError::User(AdminRefusal::NotFound)
            | AdminError::Webhook(NotReplayable::NotFound) => ProblemCode::NotFound,
            AdminError::NotCancelled
            | AdminError::User(AdminRefusal::Oneself)
            | AdminError::Webhook(NotReplayable::Settled(_)) => ProblemCode::InvalidTransition,
            AdminError::User(AdminRefusal::NoLongerAdmin) => ProblemCode::Forbidden,
            AdminError::Recount(_) => {
                tracing::error!(%error, "reconciliation");
                let code = ProblemCode::Internal;
                return Self::new(code, code.explanation());
            }
            AdminError::Campaign(error) => return error.into(),
            AdminError::Auth(error) => return error.into(),
            AdminError::Db(error) => return error.into(),
            AdminError::User(AdminRefusal::Query(error))
            | AdminError::Webhook(NotReplayable::Query(error)) => return error.into(),
        };
        Self::new(code, error.to_string())
    }
}
