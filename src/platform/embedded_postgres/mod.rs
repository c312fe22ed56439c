//! A private Postgres for one machine: nothing to install a service for, nothing to configure.
//!
//! Only the programs `postgres` and `initdb` are needed. The cluster lives in a directory of ours,
//! listens on a Unix socket in a directory that only its account may enter, and never on a port,
//! so any number of them fit on a machine, beside any other Postgres.
//!
//! What always holds:
//! - **Durable.** `fsync` stays on: what was committed survives a crash of the server, of
//!   Postgres, and of the machine.
//! - **Never two.** A lock on the directory keeps a second server out; a second lock makes a new
//!   start wait until the Postgres of the last one has ended.
//! - **No orphans.** Postgres belongs to a guard, this program run once more, that waits on a pipe
//!   from the server. However the server ends, by SIGKILL too, the kernel closes the pipe, and the
//!   guard shuts Postgres down. Should the guard be killed too, the next start does it.
//! - **Never half made.** `initdb` works under another name that is changed when it is done.
//! - **Commands are guests.** One that runs beside a server connects to that server's Postgres, and
//!   leaves it running; without a server it starts one for itself.
//! - **Not as root.** Postgres refuses to; then it runs as `postgres` or `nobody`.
//!
//! Guard and Postgres have process groups of their own: Ctrl-C reaches the server first, which
//! answers its last requests before it stops the database.

mod account;
mod binaries;
mod cluster;
mod directory;
mod guard;
mod guest;
mod launch;
mod process;
mod settings;

use std::{
    fmt::Write,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, ChildStdin},
};

use anyhow::ensure;
use tokio_postgres::NoTls;

use account::Account;
use cluster::Cluster;
use directory::Directory;
pub use guard::{COMMAND as GUARD_COMMAND, GuardArgs, run as run_guard};
pub use guest::{Found, Guest};

/// The superuser, and the owner of every database.
const USER: &str = "careforall";

/// How to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// Made when it does not exist.
    pub data_dir: PathBuf,
    /// The program that is run as the guard: `<guard_exe> __pg-guard …` must end in [`run_guard`].
    pub guard_exe: PathBuf,
    /// Server settings on top of ours, as in `postgresql.conf`.
    pub settings: Vec<(String, String)>,
}

impl Options {
    /// This program is the guard, no settings are added.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        let guard_exe = std::env::current_exe().unwrap_or_else(|_| "careforall".into());
        Self { data_dir: data_dir.into(), guard_exe, settings: Vec::new() }
    }

    /// Only a test gives durability away, to be quicker.
    fn durable(&self) -> bool {
        !self.settings.iter().any(|(name, value)| name == "fsync" && value == "off")
    }
}

/// A running Postgres. Dropping it ends Postgres too, without waiting for it: call
/// [`EmbeddedPostgres::stop`] to be sure that it has ended.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    guard: Child,
    /// The guard stops Postgres when this closes.
    lifeline: Option<ChildStdin>,
    cluster: Cluster,
    /// Held until the end.
    _lock: File,
}

impl EmbeddedPostgres {
    /// Starts Postgres on the directory, making the cluster when there is none, and returns when
    /// it accepts connections: some 0.1 s later, or a second when the cluster is new. Blocks.
    ///
    /// # Errors
    /// For people, with the remedy where there is one: no Postgres is installed, another server
    /// uses the directory, the cluster was made by another version, Postgres does not come up.
    pub fn start(options: &Options) -> anyhow::Result<Self> {
        let account = account::unprivileged()?;
        let directory = Directory::prepare(&options.data_dir, account)?;
        let lock = directory.lock()?;
        Self::start_in(directory, lock, account, options)
    }

    /// In a directory that is locked.
    fn start_in(
        directory: Directory,
        lock: File,
        account: Option<Account>,
        options: &Options,
    ) -> anyhow::Result<Self> {
        directory.await_last_guard()?;
        let cluster = Cluster::open(directory, account, options.durable())?;
        let after_crash = cluster.end_orphan()?;
        let (guard, lifeline) = launch::launch_patiently(&cluster, options, after_crash)?;
        Ok(Self { guard, lifeline: Some(lifeline), cluster, _lock: lock })
    }

    /// The URL of a database, which need not exist.
    pub fn url(&self, database: &str) -> String {
        url_at(&self.cluster.directory.sockets, database)
    }

    /// Makes a database of this name if there is none.
    pub async fn create_database_if_absent(&self, database: &str) -> anyhow::Result<()> {
        let (client, connection) = tokio_postgres::connect(&self.url("postgres"), NoTls).await?;
        let driver = tokio::spawn(connection);
        let found = "SELECT 1 FROM pg_database WHERE datname = $1";
        if client.query_opt(found, &[&database]).await?.is_none() {
            let name = database.replace('"', "\"\"");
            client.batch_execute(&format!("CREATE DATABASE \"{name}\"")).await?;
        }
        drop(client);
        driver.await??;
        Ok(())
    }

    /// The directory in use, which is another than asked for when the account that Postgres runs
    /// as cannot reach that one.
    pub fn data_dir(&self) -> &Path {
        &self.cluster.directory.root
    }

    /// What Postgres has to say.
    pub fn log_file(&self) -> PathBuf {
        self.cluster.directory.log()
    }

    /// The process ids of the guard and of Postgres itself, for tests of crashes and for logs.
    pub fn pids(&self) -> (u32, Option<i32>) {
        (self.guard.id(), self.cluster.running_pid())
    }

    /// Shuts Postgres down, sessions or not, and waits for its last checkpoint. Blocks.
    ///
    /// # Errors
    /// When Postgres did not end as it should; its log says more.
    pub fn stop(mut self) -> anyhow::Result<()> {
        drop(self.lifeline.take());
        let status = self.guard.wait()?;
        if status.success() {
            return Ok(());
        }
        // the guard was killed, so the task falls to us
        self.cluster.end_orphan()?;
        ensure!(status.code().is_none(), "Postgres ended badly; see {}", self.log_file().display());
        Ok(())
    }
}

/// The URL of a database of the Postgres that listens there.
fn url_at(sockets: &Path, database: &str) -> String {
    let host = percent_encoded(&sockets.to_string_lossy());
    format!("postgres://{USER}@/{database}?host={host}")
}

/// For the query of a URL.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_survives_in_a_url() {
        assert_eq!(percent_encoded("/a b/ü%"), "%2Fa%20b%2F%C3%BC%25");
    }
}
