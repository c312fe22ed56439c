//! Processes that a test starts: signalled by their id, and never left behind.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process, test_kill_process};

/// Sends a signal to a process that has not been waited for.
pub fn signal(pid: u32, signal: Signal) {
    let _ = kill_process(pid_of(pid), signal);
}

/// Whether a process exists and is not merely waiting to be reaped.
pub fn is_alive(pid: u32) -> bool {
    let zombie = fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')));
    !zombie && test_kill_process(pid_of(pid)).is_ok()
}

fn pid_of(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

/// The processes whose command line mentions the path.
pub fn mentioning(path: &Path) -> Vec<u32> {
    let needle = path.to_str().unwrap();
    // small images have no `ps`
    if let Ok(entries) = fs::read_dir("/proc") {
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let pids = names.filter_map(|name| name.parse().ok());
        let mentions = |pid: &u32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(needle)
        };
        return pids.filter(mentions).collect();
    }
    let output = Command::new("ps").args(["-ww", "-A", "-o", "pid=,command="]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines().filter(|line| line.contains(needle));
    lines.filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect()
}

/// The processes that this one has started and that still run.
pub fn children(pid: u32) -> Vec<u32> {
    let output = Command::new("pgrep").args(["-P", &pid.to_string()]).output();
    let listed = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let listed = listed.or_else(|_| {
        // small images have no `pgrep`
        fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))
    });
    listed.unwrap().split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// A child that is killed when this is dropped, and also when the test process is killed: a small
/// shell waits on a pipe from us, and the kernel closes that in any case.
#[derive(Debug)]
pub struct Leashed {
    pub child: Child,
    watchdog: Child,
}

impl Leashed {
    pub fn spawn(command: &mut Command) -> Self {
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let watchdog = Command::new("sh")
            .args(["-c", "read nothing; kill -9 \"$0\" 2>/dev/null", &child.id().to_string()])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, watchdog }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills the child, if it still runs, and reaps it.
    pub fn end(&mut self) {
        // the watchdog first: once the child is reaped its number may belong to another
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Leashed {
    fn drop(&mut self) {
        self.end();
    }
}
