//! The cluster on disk: making it, and what its pid file tells.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output, Stdio},
};

use anyhow::{Context, ensure};

use super::{
    USER,
    account::Account,
    binaries::Binaries,
    directory::Directory,
    process::{self, Owner},
};

/// The line of `postmaster.pid` that says whether connections are accepted.
const STATUS_LINE: usize = 7;

/// Letters beyond ASCII have an upper and a lower case; sorting stays that of bytes, which no
/// update of the system changes under an index.
const CTYPE: &str = if cfg!(target_os = "macos") { "en_US.UTF-8" } else { "C.UTF-8" };

#[derive(Debug)]
pub struct Cluster {
    pub directory: Directory,
    pub binaries: Binaries,
    pub account: Option<Account>,
}

impl Cluster {
    /// The cluster in the directory, made if there is none. The directory must be locked.
    /// A new one is brought to the disk if it is to be `durable`.
    pub fn open(
        directory: Directory,
        account: Option<Account>,
        durable: bool,
    ) -> anyhow::Result<Self> {
        let data = directory.data();
        let made_by = data.join("PG_VERSION");
        let binaries = if made_by.exists() {
            let major = fs::read_to_string(&made_by)
                .with_context(|| format!("cannot read {}", made_by.display()))?;
            Binaries::find(Some(major.trim()), account)?
        } else {
            let binaries = Binaries::find(None, account)?;
            create(&directory, &binaries, account, durable)?;
            binaries
        };
        if let Some(account) = account {
            account.take_over(&data)?;
        }
        Ok(Self { directory, binaries, account })
    }

    /// Stops a Postgres that runs on without server and guard. Whoever calls holds the lock, so what still runs is an orphan. Returns whether the last one ended
    /// without a shutdown of its own.
    pub fn end_orphan(&self) -> anyhow::Result<bool> {
        let data = self.directory.data();
        let Some(pid) = pid_in(&pid_file(&data)) else { return Ok(false) };
        match process::owner(pid, &data) {
            Owner::Cluster => {
                tracing::warn!(pid, "stopping the Postgres of a server that was killed");
                ensure!(process::end(pid), "cannot stop the old Postgres, process {pid}");
                Ok(false)
            }
            Owner::Nobody | Owner::Stranger => {
                // the socket is ours alone, so its lock tells nothing more than the pid file
                let _ = fs::remove_file(self.directory.sockets.join(".s.PGSQL.5432.lock"));
                Ok(true)
            }
        }
    }

    /// The process id of the running Postgres.
    pub fn running_pid(&self) -> Option<i32> {
        alive(&self.pid_file(), &self.directory.data())
    }

    /// Whether Postgres runs and is ready for connections. `stale` is what the pid file held
    /// before: in a container the same process id may well come back, and with it the old word
    /// that all is ready.
    pub fn accepts_connections(&self, stale: &str) -> bool {
        accepts_connections(&self.directory.data(), stale)
    }

    /// The text of `postmaster.pid`; empty when there is none.
    pub fn pid_file(&self) -> String {
        pid_file(&self.directory.data())
    }
}

/// The same, of a cluster that may be somebody else's.
pub fn accepts_connections(data: &Path, stale: &str) -> bool {
    let pid_file = pid_file(data);
    let ready = pid_file.lines().nth(STATUS_LINE).is_some_and(|line| line.trim() == "ready");
    ready && pid_file != stale && alive(&pid_file, data).is_some()
}

fn alive(pid_file: &str, data: &Path) -> Option<i32> {
    pid_in(pid_file).filter(|pid| process::owner(*pid, data) == Owner::Cluster)
}

fn pid_file(data: &Path) -> String {
    fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default()
}

/// The process id in a pid file that a crash has left, if it is not the cluster's any more.
pub fn stale_pid(data: &Path) -> Option<i32> {
    pid_in(&pid_file(data)).filter(|pid| process::owner(*pid, data) != Owner::Cluster)
}

/// The first line of a pid file.
fn pid_in(pid_file: &str) -> Option<i32> {
    pid_file.lines().next()?.trim().parse().ok()
}

/// `initdb` under another name, which is changed when it is done: being killed in the middle
/// leaves nothing half made. `initdb` itself brings all files to the disk, unless told not to.
fn create(
    directory: &Directory,
    binaries: &Binaries,
    account: Option<Account>,
    durable: bool,
) -> anyhow::Result<()> {
    let scratch = directory.scratch();
    let extra: &[&str] = if durable { &[] } else { &["--no-sync"] };
    let run =
        |ctype| initdb(&scratch, binaries, account, &[&["--lc-ctype", ctype], extra].concat());
    let mut output = run(CTYPE)?;
    if !output.status.success() && String::from_utf8_lossy(&output.stderr).contains("locale") {
        tracing::warn!(locale = CTYPE, "this system lacks the locale; only ASCII knows its cases");
        output = run("C")?;
    }
    ensure!(
        output.status.success(),
        "initdb failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    fs::rename(&scratch, directory.data())?;
    File::open(&directory.root)?.sync_all()?;
    Ok(())
}

fn initdb(
    scratch: &Path,
    binaries: &Binaries,
    account: Option<Account>,
    extra: &[&str],
) -> anyhow::Result<Output> {
    if scratch.exists() {
        fs::remove_dir_all(scratch)?;
    }
    fs::create_dir(scratch)?;
    fs::set_permissions(scratch, Permissions::from_mode(0o700))?;
    if let Some(account) = account {
        account.take_over(scratch)?;
    }
    let mut command = command(&binaries.initdb(), scratch, account);
    command
        .args(["--username", USER, "--encoding", "UTF8", "--data-checksums"])
        .args(["--locale", "C"])
        .args(extra)
        // whoever reaches the socket is its account or root
        .args(["--auth-local", "trust", "--auth-host", "reject"])
        .arg("--pgdata")
        .arg(scratch);
    command.output().with_context(|| format!("cannot run {}", binaries.initdb().display()))
}

/// What a program of Postgres gets to see of our environment. The rest is none of its business:
/// passwords, and variables of libpq meant for another server.
const ENVIRONMENT: [&str; 5] = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "TZ"];

/// A program of Postgres, to be run as its account.
pub fn command(program: &Path, cwd: &Path, account: Option<Account>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(cwd).stdin(Stdio::null()).env_clear().env("LC_ALL", "C");
    command.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    if let Some(account) = account {
        account.assume(&mut command);
    }
    command
}
