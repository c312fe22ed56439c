//! What can go wrong in this module, and how HTTP says it.

use chrono::TimeDelta;

use super::model::MOST_KEYS;
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
    /// Among those that are tried first.
    #[error("the password is too easily guessed")]
    CommonPassword,
    /// Too many passwords were tried; the next may be after this.
    #[error("too many attempts to sign in; try again later")]
    TooManyAttempts(TimeDelta),
    /// The magic link is unknown, expired or used.
    #[error("the magic link is not valid any more")]
    InvalidMagicLink,
    /// The mailed token is unknown, expired or used.
    #[error("is unknown, used or has expired")]
    InvalidMailedToken,
    /// The user has no such session or key.
    #[error("you have none with this id")]
    NotFound,
    #[error("you have {} API keys, and nobody may have more; revoke one first", MOST_KEYS)]
    TooManyKeys,
    /// Told to whoever knows the password only.
    #[error("the account is suspended")]
    Suspended,
    /// Unknown, expired, revoked or used before.
    #[error("the refresh token is not valid")]
    InvalidRefreshToken,
    /// The token was good, but its session has ended since.
    #[error("the session has ended; sign in again")]
    SessionEnded,
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
            AuthError::CommonPassword => {
                return Self::field("password", "too-common", error.to_string());
            }
            AuthError::InvalidMailedToken => {
                return Self::field("token", "invalid", error.to_string());
            }
            AuthError::TooManyAttempts(wait) => {
                let mut problem = Self::new(ProblemCode::RateLimited, error.to_string());
                problem.retry_after = u32::try_from(wait.num_seconds() + 1).ok();
                return problem;
            }
            AuthError::InvalidMagicLink => ProblemCode::InvalidMagicLink,
            AuthError::NotFound => ProblemCode::NotFound,
            AuthError::TooManyKeys => ProblemCode::InvalidTransition,
            AuthError::EmailTaken => ProblemCode::EmailTaken,
            AuthError::InvalidCredentials => ProblemCode::InvalidCredentials,
            AuthError::Suspended => ProblemCode::Forbidden,
            AuthError::InvalidRefreshToken => ProblemCode::InvalidRefreshToken,
            AuthError::AccountGone | AuthError::SessionEnded => ProblemCode::Unauthorized,
            AuthError::VersionConflict { .. } => ProblemCode::VersionConflict,
            AuthError::Overloaded => ProblemCode::Overloaded,
        };
        Self::new(code, error.to_string())
    }
}
