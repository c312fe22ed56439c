//! The real program, started as an operator would start it.

use std::{
    fs::OpenOptions,
    io::BufReader,
    process::{Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use tempfile::TempDir;

use super::{
    CAREFORALL, Client, TestDatabase, listening, logs,
    process::{self, Leashed, Signal},
    wait::eventually,
};

const START_WITHIN: Duration = Duration::from_mins(1);

/// How much of the log a failed test shows.
const TAIL_LINES: usize = 60;

pub struct Builder {
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    database: Option<TestDatabase>,
    directory: TempDir,
    await_ready: bool,
    embedded: bool,
}

/// A running server. Killed, by its process id, when dropped.
pub struct Server {
    process: Leashed,
    http: String,
    metrics: String,
    builder: Builder,
}

impl Server {
    pub fn builder() -> Builder {
        let directory = super::postgres::directory();
        let data = directory.path().join("data");
        let builder = Builder {
            environment: Vec::new(),
            arguments: vec!["serve".into()],
            database: None,
            directory,
            await_ready: true,
            embedded: false,
        };
        builder
            .env("CAREFORALL_HTTP__BIND", "127.0.0.1:0")
            .env("CAREFORALL_METRICS__BIND", "127.0.0.1:0")
            .env("CAREFORALL_RATE_LIMIT__ENABLED", "false")
            // a machine that is busy with other tests refuses nobody
            .env("CAREFORALL_DATABASE__POOL_WAIT_SECONDS", "20")
            .env("CAREFORALL_PAYMENTS__WEBHOOK_COMMIT_SECONDS", "20")
            .env("CAREFORALL_REDIS__PATIENCE_MS", "5000")
            // what tests are about is not mended behind their backs
            .env("CAREFORALL_SWEEPER__EVERY_SECONDS", "86400")
            .env("CAREFORALL_LOG__FORMAT", "json")
            .env("CAREFORALL_EMBEDDED__DATA_DIR", data.to_str().unwrap())
    }

    /// With a database of its own and nothing special.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Such as `http://127.0.0.1:40123`.
    pub fn base(&self) -> &str {
        &self.http
    }

    /// Where `/metrics` is.
    pub fn metrics_base(&self) -> &str {
        &self.metrics
    }

    /// What `/metrics` says.
    pub async fn metrics_text(&self) -> String {
        let url = format!("{}/metrics", self.metrics_base());
        reqwest::get(url).await.unwrap().text().await.unwrap()
    }

    pub fn client(&self) -> Client {
        Client::new(self.base())
    }

    /// The database it was given, unless the test named a URL of its own.
    pub fn database(&self) -> &TestDatabase {
        self.builder.database.as_ref().expect("the test gave its own DATABASE_URL")
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Where it keeps what is its own, such as an embedded Postgres.
    pub fn directory(&self) -> &std::path::Path {
        self.builder.directory.path()
    }

    /// As the kernel does when memory runs out; returns when the process is gone.
    pub fn kill9(&mut self) {
        self.process.end();
    }

    /// As an orchestrator does; the server drains and ends.
    pub fn sigterm(&self) {
        process::signal(self.pid(), Signal::TERM);
    }

    /// Waits for the end of a server that was told to.
    pub async fn ended(&mut self, deadline: Duration) -> ExitStatus {
        let child = &mut self.process.child;
        eventually(deadline, || std::future::ready(child.try_wait().unwrap())).await
    }

    /// Freezes the process, as a long pause of the machine would.
    pub fn stop(&self) {
        process::signal(self.pid(), Signal::STOP);
    }

    /// Lets it go on.
    pub fn cont(&self) {
        process::signal(self.pid(), Signal::CONT);
    }

    /// Ends it, unless it has ended, and starts it once more on the same data, at new addresses.
    pub async fn start_again(&mut self) {
        self.process.end();
        (self.process, self.http, self.metrics) = self.builder.launch().await;
        self.ready().await;
    }

    async fn ready(&self) {
        if self.builder.await_ready {
            let client = self.client();
            eventually(START_WITHIN, || async {
                client.get("/readyz").try_send().await.is_ok_and(|answer| answer.status == 200)
            })
            .await;
        }
    }

    /// Ends it politely and returns all it has said. While it runs, a line may still be on its way:
    /// a thread of its own writes them.
    pub async fn whole_log(&mut self) -> String {
        self.sigterm();
        self.ended(Duration::from_mins(1)).await;
        self.logs()
    }

    /// What has arrived so far of what it said, and its predecessors.
    pub fn logs(&self) -> String {
        self.builder.logs()
    }
}

impl Builder {
    /// The last one counts.
    pub fn env(mut self, name: &str, value: impl ToString) -> Self {
        self.environment.push((name.into(), value.to_string()));
        self
    }

    /// A replica of a server that already runs on this URL.
    pub fn database_url(self, url: impl ToString) -> Self {
        self.env("DATABASE_URL", url)
    }

    /// With the Postgres that it brings along, in its own directory.
    pub fn embedded(mut self) -> Self {
        self.embedded = true;
        self
    }

    /// More words for the command line.
    pub fn arg(mut self, argument: &str) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Returns as soon as it listens, ready or not.
    pub fn without_waiting(mut self) -> Self {
        self.await_ready = false;
        self
    }

    pub async fn start(mut self) -> Server {
        let named = self.environment.iter().any(|(name, _)| name == "DATABASE_URL");
        if !named && !self.embedded {
            let database = TestDatabase::new().await;
            self = self.env("DATABASE_URL", database.url());
            self.database = Some(database);
        }
        let (process, http, metrics) = self.launch().await;
        let server = Server { process, http, metrics, builder: self };
        server.ready().await;
        server
    }

    /// The process, and the addresses it listens on.
    async fn launch(&self) -> (Leashed, String, String) {
        let (mut process, addresses) = self.spawn();
        let (http, metrics) = eventually(START_WITHIN, || {
            let ended = process.child.try_wait().unwrap();
            assert!(ended.is_none(), "the server ended at its start: {}", self.tail());
            std::future::ready(addresses.try_recv())
        })
        .await;
        (process, http, metrics)
    }

    /// Expects the program to refuse the start, and returns what it said.
    pub async fn refused(self) -> (ExitStatus, String) {
        let (mut process, _) = self.spawn();
        let child = &mut process.child;
        let status =
            eventually(START_WITHIN, || std::future::ready(child.try_wait().unwrap())).await;
        (status, self.logs())
    }

    fn spawn(&self) -> (Leashed, Receiver<(String, String)>) {
        let log = self.directory.path().join("server.log");
        let log = OpenOptions::new().create(true).append(true).open(log).unwrap();
        let mut command = Command::new(CAREFORALL);
        command.args(&self.arguments).current_dir(self.directory.path());
        for (name, _) in std::env::vars() {
            // what the developer's shell is set to must not change a test
            let ours = ["CAREFORALL_", "OTEL_"].iter().any(|prefix| name.starts_with(prefix));
            if ours || name.ends_with("_URL") || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        command.envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.try_clone().unwrap());
        let mut process = Leashed::spawn(&mut command);
        let stdout = BufReader::new(process.child.stdout.take().unwrap());
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            listening::copy_lines(stdout, log, |addresses| drop(sender.send(addresses)));
        });
        (process, receiver)
    }

    fn logs(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("server.log")).unwrap_or_default()
    }

    fn tail(&self) -> String {
        let logs = self.logs();
        let lines: Vec<&str> = logs.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.end();
        if thread::panicking() {
            eprintln!("--- the end of the server's log ---\n{}", self.builder.tail());
            return;
        }
        let logs = self.builder.logs();
        let leaks = logs::leaks(&logs);
        assert!(leaks.is_empty(), "the log tells an address or a secret: {leaks:#?}");
    }
}
