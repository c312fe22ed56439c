//! What a failed statement means: try again, wait for Postgres, or mend the program.

use diesel::result::{DatabaseErrorKind, Error};

use crate::kernel::problem::{Problem, ProblemCode};

/// A database error as services see it.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Postgres is away, going down, or out of connections.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    #[error(transparent)]
    Query(#[from] Error),
}

/// What to do about a failed statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The connection is gone or the server is going down: nothing is known about the outcome.
    Unavailable,
    /// Lost a race (serialisation failure, deadlock, lock time-out): the same may succeed again.
    Contention,
    /// The same statement will fail again.
    Permanent,
}

/// Sorts an error of Diesel. Diesel keeps no SQLSTATE for most errors, so the wording of the
/// connection layer and of Postgres (`lc_messages` C or English) decides for those.
pub fn severity(error: &Error) -> Severity {
    match error {
        Error::BrokenTransactionManager | Error::AlreadyInTransaction => Severity::Unavailable,
        Error::DatabaseError(kind, info) => match kind {
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
                Severity::Unavailable
            }
            DatabaseErrorKind::SerializationFailure => Severity::Contention,
            _ => by_message(info.message()),
        },
        Error::RollbackErrorOnCommit { commit_error, .. } => severity(commit_error),
        _ => Severity::Permanent,
    }
}

fn by_message(message: &str) -> Severity {
    const GONE: [&str; 12] = [
        "connection closed",
        "connection reset",
        "error communicating",
        "broken pipe",
        "terminating connection",
        "the database system is",
        "unexpected message from server",
        "end of file",
        "too many clients",
        "too many connections",
        "remaining connection slots",
        "server closed the connection",
    ];
    const RACE: [&str; 4] =
        ["deadlock detected", "lock timeout", "could not serialize", "statement timeout"];
    let message = message.to_lowercase();
    if GONE.iter().any(|m| message.contains(m)) {
        Severity::Unavailable
    } else if RACE.iter().any(|m| message.contains(m)) {
        Severity::Contention
    } else {
        Severity::Permanent
    }
}

impl DbError {
    pub fn severity(&self) -> Severity {
        match self {
            Self::Unavailable(_) => Severity::Unavailable,
            Self::Query(error) => severity(error),
        }
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        match error.severity() {
            Severity::Unavailable => {
                tracing::warn!(%error, "database unavailable");
                Problem::new(ProblemCode::DatabaseUnavailable, "the database is away; try again")
            }
            Severity::Contention => {
                tracing::warn!(%error, "database contention");
                Problem::new(ProblemCode::Overloaded, "too many requests for the same thing")
            }
            Severity::Permanent => {
                tracing::error!(%error, "database error");
                Problem::new(ProblemCode::Internal, "an unexpected error; it has been recorded")
            }
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        DbError::from(error).into()
    }
}
