//! A bus in a process of its own: this binary again, told to run one test that is nothing unless a
//! variable of its environment makes it a worker.

use std::{
    io::Read,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
};

use careforall::platform::{
    event_bus::{BusConfig, BusRuntime, EventBus},
    postgres::Database,
};
use rustix::process::{Pid, Signal, kill_process};
use tokio_util::sync::CancellationToken;

use super::{
    cluster::TestDb,
    recorder::{Pause, Recorder},
};

pub struct Worker(Child);

impl Worker {
    pub fn spawn(db: &TestDb) -> Self {
        Self::with(db, &[])
    }

    /// One that waits for a file mid-batch.
    pub fn waiting(db: &TestDb, file: &Path) -> Self {
        Self::with(db, &[("BUS_WORKER_WAIT", file.to_str().unwrap())])
    }

    /// The same; its locks are lost after a second of silence, not after 15. For those who are
    /// meant to lose them: on a busy machine everybody is silent for a second.
    pub fn waiting_closely_watched(db: &TestDb, file: &Path) -> Self {
        let url = format!("{}?options=-c%20idle_in_transaction_session_timeout%3D1s", db.url);
        let file = file.to_str().unwrap();
        Self::with(db, &[("BUS_WORKER_URL", &url), ("BUS_WORKER_WAIT", file)])
    }

    fn with(db: &TestDb, env: &[(&str, &str)]) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "event_bus::worker::worker_process", "--nocapture"])
            .env("BUS_WORKER_URL", &db.url)
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    /// kill -9.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Asks it to stop, by the end of its input, and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        drop(self.0.stdin.take());
        self.0.wait().unwrap()
    }
}

impl Drop for Worker {
    /// A failed test leaves nobody behind. For one that has been waited for this does nothing.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_process() {
    let Ok(url) = std::env::var("BUS_WORKER_URL") else { return };
    let file = std::env::var("BUS_WORKER_WAIT");
    let pause = file.map_or(Pause::None, |file| Pause::UntilExists(file.into()));
    // small, so that there is a middle to die in, and work for two
    let config = BusConfig { window: 20, max_partitions: 16, ..BusConfig::default() };
    let database = Database::new(&url, 8, tokio::runtime::Handle::current()).unwrap();
    let consumers: [Arc<dyn careforall::platform::event_bus::Consumer>; 1] =
        [Arc::new(Recorder { name: "recorder", pause })];
    let bus = BusRuntime::new(database, EventBus::new(), consumers.into(), config);
    let token = CancellationToken::new();
    let stop = token.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        stop.cancel();
    });
    bus.run(token).await.unwrap();
}
