//! The guard: a process that owns Postgres, and outlives a killed server just long enough to shut
//! it down.
//!
//! It has one thread and no state. Until its standard input ends it watches Postgres; when a
//! signal has killed Postgres (the kernel was out of memory, say), it starts it again, for there
//! is nobody else to do so.

use std::{
    ffi::OsString,
    fs::File,
    io::{Read, Write, stdin},
    os::{
        fd::AsFd,
        unix::process::{CommandExt, ExitStatusExt},
    },
    path::PathBuf,
    process::{Child, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::Signal,
};

use super::{account::Account, cluster, process};

/// The subcommand under which the program becomes the guard.
pub const COMMAND: &str = "__pg-guard";

/// How long it may take to notice that Postgres has died. A closed pipe is noticed at once.
const GLANCE: Duration = Duration::from_millis(200);

/// A Postgres that has run for this long has started well.
const GOOD_START: Duration = Duration::from_secs(30);

/// How often in a row Postgres may fail to come back.
const MOST_FAILURES: u32 = 40;

/// What the guard is told on its command line.
#[derive(Debug, Clone, clap::Args)]
pub struct GuardArgs {
    #[arg(long)]
    pub postgres: PathBuf,
    #[arg(long)]
    pub data: PathBuf,
    #[arg(long)]
    pub sockets: PathBuf,
    /// Held while Postgres runs.
    #[arg(long)]
    pub lock: PathBuf,
    /// The account that Postgres runs as, if not this one.
    #[arg(long)]
    pub account: Option<Account>,
    /// `name=value`, as in `postgresql.conf`.
    #[arg(last = true)]
    pub settings: Vec<OsString>,
}

impl GuardArgs {
    /// The words that are parsed into this again.
    pub fn to_command_line(&self) -> Vec<OsString> {
        let paths = [
            ("--postgres", &self.postgres),
            ("--data", &self.data),
            ("--sockets", &self.sockets),
            ("--lock", &self.lock),
        ];
        let mut words = vec![OsString::from(COMMAND)];
        words.extend(paths.into_iter().flat_map(|(name, path)| [name.into(), path.into()]));
        if let Some(account) = self.account {
            words.extend(["--account".into(), account.to_string().into()]);
        }
        words.push("--".into());
        words.extend(self.settings.iter().cloned());
        words
    }
}

/// Runs Postgres until standard input ends. Must be called before any runtime or thread starts.
///
/// # Errors
/// When Postgres cannot be started, or ended other than by our wish.
pub fn run(args: &GuardArgs) -> anyhow::Result<()> {
    let lock = File::create(&args.lock)?;
    lock.try_lock().context("another guard is still at work")?;
    let mut postgres = start(args)?;
    let mut failures = 0;
    loop {
        let started = Instant::now();
        match watch(&mut postgres)? {
            Event::LifelineCut => return stop(&mut postgres),
            Event::Ended(status) => {
                failures = if started.elapsed() > GOOD_START { 0 } else { failures };
                // an exit, unlike a signal, is a decision: bad settings, or somebody's shutdown
                if failures == 0 && status.signal().is_none() || failures == MOST_FAILURES {
                    bail!("Postgres ended: {status}");
                }
                failures += 1;
                say(&format!("Postgres was killed ({status}); starting it again"));
            }
        }
        // the last of its processes may need a moment to notice
        if lifeline_cut(GLANCE)? {
            return Ok(());
        }
        postgres = start(args)?;
    }
}

enum Event {
    LifelineCut,
    Ended(ExitStatus),
}

fn watch(postgres: &mut Child) -> anyhow::Result<Event> {
    loop {
        if let Some(status) = postgres.try_wait()? {
            return Ok(Event::Ended(status));
        }
        if lifeline_cut(GLANCE)? {
            return Ok(Event::LifelineCut);
        }
    }
}

/// Waits for the end of standard input, at most so long. Nothing is ever written to it.
fn lifeline_cut(wait: Duration) -> anyhow::Result<bool> {
    let stdin = stdin();
    let fd = stdin.as_fd();
    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
    match poll(&mut fds, Some(&Timespec::try_from(wait)?)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => Ok(false),
        Ok(_) => Ok(stdin.lock().read(&mut [0])? == 0),
        Err(error) => Err(error.into()),
    }
}

fn start(args: &GuardArgs) -> anyhow::Result<Child> {
    let mut command = cluster::command(&args.postgres, &args.data, args.account);
    command.arg("-D").arg(&args.data).arg("-k").arg(&args.sockets);
    for setting in &args.settings {
        command.arg("-c").arg(setting);
    }
    // Postgres would not start if that process id lives again as somebody else's, or waits to be
    // reaped. It makes an exception for the one that `pg_ctl` names by this variable; removing the
    // file instead would take away its look for server processes that are still at work.
    if let Some(pid) = cluster::stale_pid(&args.data) {
        command.env("PG_GRANDPARENT_PID", pid.to_string());
    }
    command.stdout(Stdio::null()).process_group(0);
    command.spawn().with_context(|| format!("cannot run {}", args.postgres.display()))
}

/// Fast shutdown: sessions are ended, a last checkpoint is written.
fn stop(postgres: &mut Child) -> anyhow::Result<()> {
    let pid = i32::try_from(postgres.id())?;
    let patience = [(Signal::INT, 30), (Signal::QUIT, 10), (Signal::KILL, u64::MAX)];
    for (signal, seconds) in patience {
        process::signal(pid, signal);
        let since = Instant::now();
        while since.elapsed().as_secs() < seconds {
            match postgres.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => bail!("Postgres ended: {status}"),
                None => thread::sleep(Duration::from_millis(5)),
            }
        }
    }
    Ok(())
}

/// Standard error is Postgres' log.
fn say(message: &str) {
    let _ = writeln!(std::io::stderr(), "guard: {message}");
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: GuardArgs,
    }

    #[test]
    fn the_command_line_is_read_as_it_was_written() {
        let args = GuardArgs {
            postgres: "/bin/postgres".into(),
            data: "/a b/pg".into(),
            sockets: "/a b/run".into(),
            lock: "/l".into(),
            account: "101:102".parse().ok(),
            settings: vec!["listen_addresses=".into(), "--x=y".into()],
        };
        let read = Line::try_parse_from(args.to_command_line()).map(|line| line.args);
        assert_eq!(format!("{:?}", read.unwrap()), format!("{args:?}"));
    }
}
