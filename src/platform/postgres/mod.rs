//! The pool of Postgres connections, and what a connection promises.
//!
//! Every connection is in UTC, gives up on a lock after 5 s and on a statement after 30 s, and is
//! ended by the server when its transaction idles for 15 s: a replica that hangs loses its locks,
//! and with them its leases.

mod cached;
mod connect;
mod error;
mod migrations;
mod reads;
mod spans;

use std::time::Duration;

use deadpool::managed::QueueMode;
use diesel_async::{
    AsyncPgConnection,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{Object, Pool},
    },
};
use futures_util::FutureExt;
use tokio::{runtime::Handle, time::timeout};

pub use cached::{Cached, cached, column};
pub use error::{DbError, Severity, severity};
pub use migrations::migrate;
pub use reads::Reads;

use super::pool::PoolStatus;

/// A connection as repositories take it: in whatever transaction its owner has opened.
pub type Connection = AsyncPgConnection;

/// A connection on loan from the pool.
pub type PooledConnection = Object<AsyncPgConnection>;

/// How long a request waits for a connection, unless told otherwise.
const POOL_WAIT: Duration = Duration::from_secs(2);

/// The database, shared by everything in the process.
#[derive(Clone)]
pub struct Database {
    pool: Pool<AsyncPgConnection>,
    wait: Duration,
}

impl Database {
    /// A pool of at most `max_size` connections to `url`, opened when needed. Their drivers run on
    /// `runtime`, so that a connection outlives the HTTP worker that happened to ask for it first.
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn new(url: &str, max_size: usize, runtime: Handle) -> anyhow::Result<Self> {
        let settings = connect::Settings::parse(url)?;
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(move |_| {
            let (settings, runtime) = (settings.clone(), runtime.clone());
            async move { connect::establish(settings, &runtime).await }.boxed()
        });
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        // the last one used is the next one: it has its statements prepared and planned, and the
        // others leave the processor alone
        let pool = Pool::builder(manager).max_size(max_size).queue_mode(QueueMode::Lifo).build()?;
        Ok(Self { pool, wait: POOL_WAIT })
    }

    /// The same pool; whoever asks for a connection waits so long.
    #[must_use]
    pub fn waiting(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// A connection from the pool.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when Postgres is away, [`DbError::Exhausted`] when no connection
    /// gets free in time.
    pub async fn conn(&self) -> Result<PooledConnection, DbError> {
        match timeout(self.wait, self.pool.get()).await {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(error)) => Err(DbError::Unavailable(error.to_string())),
            Err(_) => Err(DbError::Exhausted),
        }
    }

    pub fn status(&self) -> PoolStatus {
        let status = self.pool.status();
        PoolStatus {
            size: status.size,
            available: status.available,
            waiting: status.waiting,
            max_size: status.max_size,
        }
    }
}
