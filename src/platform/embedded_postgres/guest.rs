//! A Postgres that a server runs beside us, for a command that has something to do in its database.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;

use super::{EmbeddedPostgres, Options, account, cluster, directory::Directory, url_at};

/// The server may be just starting, and replay its log after a crash first.
const READY_WITHIN: Duration = Duration::from_mins(2);

/// Where a command finds its database.
#[derive(Debug)]
pub enum Found {
    /// Nobody served: it was started, and has to be stopped.
    Own(EmbeddedPostgres),
    /// A server runs it, and goes on when the command has ended.
    Guest(Guest),
}

/// The Postgres of another process.
#[derive(Debug)]
pub struct Guest {
    directory: Directory,
}

impl EmbeddedPostgres {
    /// For a command that may run beside a server: the Postgres of the one that uses the directory,
    /// else one of its own. Blocks.
    ///
    /// # Errors
    /// As [`EmbeddedPostgres::start`], but for the directory in use; or the server's Postgres does
    /// not come up.
    pub fn find_or_start(options: &Options) -> anyhow::Result<Found> {
        let account = account::unprivileged()?;
        let directory = Directory::prepare(&options.data_dir, account)?;
        match directory.try_lock()? {
            Some(lock) => Self::start_in(directory, lock, account, options).map(Found::Own),
            None => Guest::of(directory).map(Found::Guest),
        }
    }
}

impl Guest {
    fn of(directory: Directory) -> anyhow::Result<Self> {
        let deadline = Instant::now() + READY_WITHIN;
        while !cluster::accepts_connections(&directory.data(), "") {
            if Instant::now() > deadline {
                bail!(
                    "another process uses {}, and its Postgres is not ready after {READY_WITHIN:?}",
                    directory.root.display()
                );
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(Self { directory })
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        url_at(&self.directory.sockets, database)
    }
}
