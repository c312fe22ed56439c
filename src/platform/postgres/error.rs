//! What a failed statement means: try again, wait for Postgres, or mend the program.

use diesel::result::{DatabaseErrorKind, Error};

use crate::kernel::problem::{Problem, ProblemCode};

/// A database error as services see it.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Postgres is away, going down, unable to write, or out of connections.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// All connections of the pool are in use for too long.
    #[error("no database connection became free in time")]
    Exhausted,
    #[error(transparent)]
    Query(#[from] Error),
}

/// What to do about a failed statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The connection is gone, the server is going down, cannot write (a standby after a fail-over,
    /// a full disk) or has run out of something: nothing is known about the outcome.
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
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ReadOnlyTransaction => Severity::Unavailable,
            DatabaseErrorKind::SerializationFailure => Severity::Contention,
            _ => by_message(info.message()),
        },
        Error::RollbackErrorOnCommit { commit_error, .. } => severity(commit_error),
        _ => Severity::Permanent,
    }
}

fn by_message(message: &str) -> Severity {
    const GONE: [&str; 19] = [
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
        "read-only transaction",
        "no space left on device",
        "out of memory",
        "out of shared memory",
        "too many open files",
        "could not extend file",
        "could not write",
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
            Self::Unavailable(_) | Self::Exhausted => Severity::Unavailable,
            Self::Query(error) => severity(error),
        }
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        match error.severity() {
            _ if matches!(error, DbError::Exhausted) => {
                tracing::warn!(%error, "database pool exhausted");
                Problem::new(ProblemCode::Overloaded, error.to_string())
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kind: DatabaseErrorKind, message: &str) -> Severity {
        severity(&Error::DatabaseError(kind, Box::new(message.to_owned())))
    }

    #[test]
    fn a_server_that_cannot_write_now_may_write_later() {
        for message in [
            "cannot execute INSERT in a read-only transaction",
            r#"could not extend file "base/5/16384": No space left on device"#,
            "could not write to file \"pg_wal/xlogtemp.7\": No space left on device",
            "could not write block 3 of temporary file",
            "No space left on device",
            "out of memory",
            "out of shared memory",
            r#"could not open file "base/5/1": Too many open files in system"#,
            "terminating connection due to administrator command",
        ] {
            let severity = said(DatabaseErrorKind::Unknown, message);
            assert_eq!(severity, Severity::Unavailable, "{message}");
        }
        let standby = said(DatabaseErrorKind::ReadOnlyTransaction, "25006");
        assert_eq!(standby, Severity::Unavailable);
    }

    #[test]
    fn a_lost_race_and_a_broken_rule_are_told_apart() {
        assert_eq!(said(DatabaseErrorKind::Unknown, "deadlock detected"), Severity::Contention);
        let again = said(DatabaseErrorKind::SerializationFailure, "could not serialize access");
        assert_eq!(again, Severity::Contention);
        let twice = said(DatabaseErrorKind::UniqueViolation, "duplicate key value");
        assert_eq!(twice, Severity::Permanent);
        let unknown = said(DatabaseErrorKind::Unknown, "column x does not exist");
        assert_eq!(unknown, Severity::Permanent);
    }
}
