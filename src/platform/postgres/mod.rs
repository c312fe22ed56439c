//! The pool of Postgres connections, and what a connection promises.
//!
//! Every connection is in UTC, gives up on a lock after 5 s and on a statement after 30 s, and is
//! ended by the server when its transaction idles for 15 s: a replica that hangs loses its locks,
//! and with them its leases.

mod cached;
mod connect;
mod error;
mod migrations;

use std::time::Duration;

use diesel_async::{
    AsyncPgConnection,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{Object, Pool},
    },
};
use futures_util::FutureExt;
use tokio::{runtime::Handle, time::timeout};

pub use cached::{Cached, cached};
pub use error::{DbError, Severity, severity};
pub use migrations::migrate;

use super::pool::PoolStatus;

/// A connection as repositories take it: in whatever transaction its owner has opened.
pub type Connection = AsyncPgConnection;

/// A connection on loan from the pool.
pub type PooledConnection = Object<AsyncPgConnection>;

/// How long a request waits for a connection before it is answered `database-unavailable`.
const POOL_WAIT: Duration = Duration::from_secs(2);

/// The database, shared by everything in the process.
#[derive(Clone)]
pub struct Database {
    pool: Pool<AsyncPgConnection>,
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
        let pool = Pool::builder(manager).max_size(max_size).build()?;
        Ok(Self { pool })
    }

    /// A connection from the pool.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when Postgres is away or no connection gets free in 2 s.
    pub async fn conn(&self) -> Result<PooledConnection, DbError> {
        match timeout(POOL_WAIT, self.pool.get()).await {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(error)) => Err(DbError::Unavailable(error.to_string())),
            Err(_) => Err(DbError::Unavailable("no connection became free in time".into())),
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
