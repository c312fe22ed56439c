//! Starting the guard, and waiting until the Postgres that it starts is ready.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use super::{Options, cluster::Cluster, guard::GuardArgs, settings};

/// After a crash Postgres replays its log before it is ready, which takes as long as it takes;
/// beyond this something is wrong.
const READY_WITHIN: Duration = Duration::from_mins(2);

/// After a crash the last server processes may need a moment to notice that their parent is gone,
/// and Postgres will not start before.
pub fn launch_patiently(
    cluster: &Cluster,
    options: &Options,
    after_crash: bool,
) -> anyhow::Result<(Child, ChildStdin)> {
    let mut attempts = if after_crash { 20 } else { 1 };
    loop {
        attempts -= 1;
        match launch(cluster, options) {
            Err(error) if attempts > 0 => {
                tracing::warn!(%error, "Postgres does not start yet after a crash; trying again");
                thread::sleep(Duration::from_millis(250));
            }
            outcome => return outcome,
        }
    }
}

/// Starts the guard, and through it Postgres, and waits until it accepts connections.
fn launch(cluster: &Cluster, options: &Options) -> anyhow::Result<(Child, ChildStdin)> {
    let directory = &cluster.directory;
    let stale = cluster.pid_file();
    let mut guard = Command::new(&options.guard_exe)
        .args(guard_args(cluster, options).to_command_line())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(directory.open_log()?)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot run {}", options.guard_exe.display()))?;
    let lifeline = guard.stdin.take().context("the guard has no standard input")?;
    let deadline = Instant::now() + READY_WITHIN;
    while !cluster.accepts_connections(&stale) {
        if let Some(status) = guard.try_wait()? {
            bail!("Postgres ended at its start ({status}): {}", directory.last_words());
        }
        if Instant::now() > deadline {
            drop(lifeline);
            guard.wait()?;
            bail!("Postgres is not ready after {READY_WITHIN:?}: {}", directory.last_words());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok((guard, lifeline))
}

fn guard_args(cluster: &Cluster, options: &Options) -> GuardArgs {
    let directory = &cluster.directory;
    let added = options.settings.iter().map(|(name, value)| format!("{name}={value}"));
    GuardArgs {
        postgres: cluster.binaries.postgres(),
        data: directory.data(),
        sockets: directory.sockets.clone(),
        lock: directory.guard_lock(),
        account: cluster.account,
        settings: settings::SETTINGS
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .chain(added)
            .map(OsString::from)
            .collect(),
    }
}
