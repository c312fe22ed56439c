//! What can go wrong when totals are read.

use crate::kernel::problem::{Problem, ProblemCode};

/// Cloned to every request that waited for the same reading.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TotalsError {
    #[error("no published campaign has this id")]
    NotFound,
    #[error(transparent)]
    Failed(#[from] Problem),
}

impl From<TotalsError> for Problem {
    fn from(error: TotalsError) -> Self {
        match error {
            TotalsError::NotFound => Self::new(ProblemCode::CampaignNotFound, error.to_string()),
            TotalsError::Failed(problem) => problem,
        }
    }
}
