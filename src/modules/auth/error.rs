//! What can go wrong in this module, and how HTTP says it.

use crate::{
    kernel::problem::{FieldError, Problem, ProblemCode},
    platform::postgres::DbError,
};

#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error("an account with this e-mail exists")]
    EmailTaken,
    /// Unknown e-mail or wrong password: nobody is told which.
    #[error("e-mail or password is wrong")]
    InvalidCredentials,
    /// Told to whoever knows the password only.
    #[error("the account is suspended")]
    Suspended,
    /// Unknown, expired, revoked or used before.
    #[error("the refresh token is not valid")]
    InvalidRefreshToken,
    /// The token was good, but its user is no more.
    #[error("the account no longer exists")]
    AccountGone,
    #[error("the account has changed; its version is now {current}")]
    VersionConflict { current: i64 },
    /// What was given is out of form; only `create_admin` finds this out so late.
    #[error("{}", sentence(.0))]
    Invalid(Vec<FieldError>),
    /// More passwords wait to be hashed than can be in good time.
    #[error("too many sign-ins at once")]
    Overloaded,
    #[error("hashing a password failed: {0}")]
    Hashing(String),
    #[error(transparent)]
    Database(#[from] DbError),
}

fn sentence(errors: &[FieldError]) -> String {
    let parts: Vec<_> = errors.iter().map(|e| format!("{} {}", e.field, e.message)).collect();
    parts.join("; ")
}

impl From<diesel::result::Error> for AuthError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let code = match error {
            AuthError::Database(error) => return error.into(),
            AuthError::Invalid(errors) => return Self::validation(errors),
            AuthError::Hashing(_) => {
                tracing::error!(%error, "password hashing failed");
                let detail = "an unexpected error; it has been recorded";
                return Self::new(ProblemCode::Internal, detail);
            }
            AuthError::EmailTaken => ProblemCode::EmailTaken,
            AuthError::InvalidCredentials => ProblemCode::InvalidCredentials,
            AuthError::Suspended => ProblemCode::Forbidden,
            AuthError::InvalidRefreshToken => ProblemCode::InvalidRefreshToken,
            AuthError::AccountGone => ProblemCode::Unauthorized,
            AuthError::VersionConflict { .. } => ProblemCode::VersionConflict,
            AuthError::Overloaded => ProblemCode::Overloaded,
        };
        Self::new(code, error.to_string())
    }
}
