//! What can go wrong with campaigns, and how it is answered.

use diesel::result::Error as DieselError;

use super::model::Refusal;
use crate::{
    kernel::problem::{Problem, ProblemCode},
    platform::postgres::DbError,
};

#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// Absent, or a draft that is not the caller's to know of.
    #[error("no campaign that you may see has this id")]
    NotFound,
    #[error("only its owner and administrators may change a campaign")]
    Forbidden,
    #[error("send If-Match with the ETag you have read")]
    VersionMissing,
    #[error("the campaign is at version {current}")]
    VersionConflict { current: i64 },
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Every campaign has totals from its first instant.
    #[error("campaign {0} has no totals")]
    NoTotals(crate::kernel::ids::CampaignId),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<DieselError> for CampaignError {
    fn from(error: DieselError) -> Self {
        Self::Database(error.into())
    }
}

impl From<CampaignError> for Problem {
    fn from(error: CampaignError) -> Self {
        let code = match error {
            CampaignError::NotFound => ProblemCode::CampaignNotFound,
            CampaignError::Forbidden => ProblemCode::Forbidden,
            CampaignError::VersionMissing => ProblemCode::PreconditionRequired,
            CampaignError::VersionConflict { .. } => ProblemCode::VersionConflict,
            CampaignError::Refused(refusal) => return refused(refusal),
            CampaignError::Database(error) => return error.into(),
            CampaignError::NoTotals(_) => {
                tracing::error!(%error, "campaign");
                let code = ProblemCode::Internal;
                return Self::new(code, code.explanation());
            }
        };
        Self::new(code, error.to_string())
    }
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::EndsBeforeStart | Refusal::EndsInThePast => {
            Problem::field("ends_at", "out-of-range", refusal.to_string())
        }
        Refusal::CurrencyFixed(_)
        | Refusal::TermsFixed(_)
        | Refusal::EndPassed
        | Refusal::Transition(_) => {
            Problem::new(ProblemCode::InvalidTransition, refusal.to_string())
        }
    }
}
