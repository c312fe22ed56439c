//! Other processes: is it alive, is it ours, and how to end it.

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// Sends a signal. One that has ended in the meantime is no failure.
pub fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, signal);
    }
}

/// The command line of a living process; `None` when it has ended, or waits to be reaped.
fn command_line(pid: i32) -> Option<Vec<String>> {
    // `ps` is not in every image, `/proc` not on macOS
    if !Path::new("/proc/self/stat").exists() {
        return ps(pid, "command=").map(|command| vec![command]);
    }
    // one that is just ending has none any more; kernel threads never have one
    for _ in 0..20 {
        if !is_alive(pid) {
            return None;
        }
        let raw = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if !raw.is_empty() {
            let text = String::from_utf8_lossy(&raw).into_owned();
            return Some(text.split('\0').map(ToOwned::to_owned).collect());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Some(Vec::new())
}

/// Whether a process exists and does not merely wait to be reaped.
fn is_alive(pid: i32) -> bool {
    if !Path::new("/proc/self/stat").exists() {
        return ps(pid, "stat=").is_some_and(|state| !state.starts_with('Z'));
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn ps(pid: i32, column: &str) -> Option<String> {
    let mut ps = Command::new("ps");
    let output = ps.args(["-ww", "-o", column, "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// What a pid file's number belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    Nobody,
    /// The Postgres of this cluster.
    Cluster,
    /// The number was given to something else since: never to be touched.
    Stranger,
}

/// Whether the process is the Postgres that works on the directory `data`. Asked by the command
/// line, since after a restart of the machine the number may be that of another Postgres.
pub fn owner(pid: i32, data: &Path) -> Owner {
    let data = data.to_string_lossy();
    match command_line(pid) {
        None => Owner::Nobody,
        Some(words) => {
            let whole = words.iter().any(|word| *word == data);
            let within = words.len() == 1 && words[0].contains(&format!(" -D {data} "));
            if whole || within { Owner::Cluster } else { Owner::Stranger }
        }
    }
}

/// Ends a Postgres: politely, then firmly. Returns whether it has ended.
pub fn end(pid: i32) -> bool {
    // fast shutdown, immediate shutdown, no shutdown at all
    let steps = [(Signal::INT, 30), (Signal::QUIT, 10), (Signal::KILL, 5)];
    steps.into_iter().any(|(step, seconds)| {
        signal(pid, step);
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while is_alive(pid) {
            if Instant::now() > deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        true
    })
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    #[test]
    fn only_the_process_of_this_directory_is_ours() {
        let mut child = Command::new("sh")
            .args(["-c", "read line", "postgres", "-D", "/data/pg"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        assert_eq!(owner(pid, Path::new("/data/pg")), Owner::Cluster);
        assert_eq!(owner(pid, Path::new("/data")), Owner::Stranger);
        signal(pid, Signal::KILL);
        child.wait().unwrap();
        assert_eq!(owner(pid, Path::new("/data/pg")), Owner::Nobody);
    }
}
