//! The consumer's side: what a module implements to react to facts.

use diesel::result::Error as DieselError;
use futures_util::future::BoxFuture;

use super::event::Event;
use crate::platform::postgres::{Connection, DbError, Severity, severity};

/// Reacts to facts, exactly once in effect: what it writes through `conn` commits together with its
/// place in the log.
pub trait Consumer: Send + Sync + 'static {
    /// Its name in cursors and metrics. A new name starts at the beginning of what the log holds; a
    /// retired one needs a migration that deletes its cursors, or the log is kept for it forever.
    fn name(&self) -> &'static str;

    /// The types it wants.
    fn event_types(&self) -> &'static [&'static str];

    /// Applies a batch, in log order, on a connection that is in a transaction.
    ///
    /// After a failure the effects on `conn` are undone and it is called again: with the same
    /// batch, with parts of it down to a single event, or, after a transient error, with another
    /// window altogether. So effects outside of `conn`, in memory too, must not matter; for mail and
    /// the like write an intent that another worker carries out, keyed by `event_id`.
    ///
    /// A panic counts as a deterministic failure.
    fn handle<'a>(
        &'a self,
        conn: &'a mut Connection,
        batch: &'a [Event],
    ) -> BoxFuture<'a, Result<(), ConsumerError>>;
}

/// Why a batch was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ConsumerError {
    /// Sorted by [`severity`]: the database being away or busy is nobody's fault and is retried
    /// uncounted; any other refusal will come again.
    #[error("database: {0}")]
    Database(#[from] DieselError),
    /// Deterministic: the same event will fail again.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

impl From<DbError> for ConsumerError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Query(error) => Self::Database(error),
            away => Self::Failed(away.into()),
        }
    }
}

impl ConsumerError {
    /// Whether the same batch may succeed without anything being mended.
    pub fn is_transient(&self) -> bool {
        let found = match self {
            Self::Database(error) => severity(error),
            Self::Failed(error) => error
                .chain()
                .find_map(|cause| match cause.downcast_ref::<DbError>() {
                    Some(error) => Some(error.severity()),
                    None => cause.downcast_ref::<DieselError>().map(severity),
                })
                .unwrap_or(Severity::Permanent),
        };
        found != Severity::Permanent
    }

    /// Its text as it is stored: of bounded length, and without NUL, which Postgres refuses.
    pub(super) fn stored(&self) -> String {
        self.to_string().replace('\0', "\u{fffd}").chars().take(2000).collect()
    }
}
