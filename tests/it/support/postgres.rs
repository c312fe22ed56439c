//! Databases for tests.
//!
//! One cluster serves the whole test process. It is started by the first test that asks and ends
//! with the process, however that ends. A template is migrated once; each test gets a copy of its
//! own, which takes some hundredths of a second.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use careforall::platform::{
    embedded_postgres::{EmbeddedPostgres, Options},
    postgres::{Database, migrate},
};
use tempfile::TempDir;
use tokio::runtime;
use tokio_postgres::{Client, NoTls};

use super::{
    CAREFORALL,
    process::{self, Signal},
    wait::eventually_blocking,
};

const TEMPLATE: &str = "template";

/// Nobody mourns a test's data after a crash.
const CARELESS: [(&str, &str); 5] = [
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("max_connections", "400"),
    ("shared_buffers", "64MB"),
];

/// What this test process keeps until the next one sweeps it away.
static SCRATCH: LazyLock<PathBuf> = LazyLock::new(|| {
    let all = std::env::temp_dir()
        .join(format!("careforall-tests-{}", rustix::process::geteuid().as_raw()));
    fs::create_dir_all(&all).unwrap();
    sweep(&all);
    all.join(std::process::id().to_string())
});

static SHARED: LazyLock<EmbeddedPostgres> = LazyLock::new(|| {
    let postgres = start(&SCRATCH, &CARELESS);
    execute(&postgres.url("postgres"), &format!("CREATE DATABASE {TEMPLATE}"));
    migrate_in_a_thread(postgres.url(TEMPLATE));
    postgres
});

/// A cluster as `initdb` makes it, to be copied: quicker than making each.
static PRISTINE: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = SCRATCH.join("pristine");
    start(&directory, &CARELESS).stop().unwrap();
    directory.join("pg")
});

/// A migrated database of the test's own. Dropped with it.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
}

impl TestDatabase {
    pub async fn new() -> Self {
        Self::copy_of(TEMPLATE).await
    }

    /// Without our schema.
    pub async fn empty() -> Self {
        Self::copy_of("template0").await
    }

    /// A copy of it as it is now. Nobody may be connected.
    pub async fn backup(&self) -> Self {
        Self::copy_of(&self.name).await
    }

    async fn copy_of(template: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let create = format!("CREATE DATABASE {name} TEMPLATE {template}");
        let created =
            tokio::task::spawn_blocking(move || execute(&SHARED.url("postgres"), &create));
        created.await.unwrap();
        Self { name }
    }

    /// Locks are waited for longer than in production: a machine that is busy with other tests
    /// refuses nobody.
    pub fn url(&self) -> String {
        format!("{}&options=-c%20lock_timeout%3D20s", SHARED.url(&self.name))
    }

    /// A connection for looking behind the scenes.
    pub async fn client(&self) -> Client {
        connect(&self.url()).await.unwrap()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        execute(&SHARED.url("postgres"), &drop);
    }
}

/// A cluster for the test alone, to be stopped, started and killed. As durable as the real one.
#[derive(Debug)]
pub struct OwnPostgres {
    running: Option<EmbeddedPostgres>,
    directory: TempDir,
    settings: Vec<(&'static str, &'static str)>,
}

impl OwnPostgres {
    /// Running, with an empty database `careforall`.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Started on a cluster that is there: `pg` in this directory.
    pub fn adopt(directory: TempDir) -> Self {
        let mut own = Self { running: None, directory, settings: Vec::new() };
        own.start_again();
        own
    }

    pub fn start_with(settings: &[(&'static str, &'static str)]) -> Self {
        let mut own = Self {
            running: None,
            directory: directory_with_cluster(),
            settings: settings.to_vec(),
        };
        own.start_again();
        execute(&own.url("postgres"), "CREATE DATABASE careforall");
        own
    }

    pub fn url(&self, database: &str) -> String {
        self.running.as_ref().expect("it is not running").url(database)
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Guard and Postgres.
    pub fn pids(&self) -> (u32, u32) {
        let (guard, postgres) = self.running.as_ref().expect("it is not running").pids();
        (guard, u32::try_from(postgres.expect("Postgres is not running")).unwrap())
    }

    pub fn start_again(&mut self) {
        assert!(self.running.is_none(), "it is still running");
        self.running = Some(start(self.directory.path(), &self.settings));
    }

    /// In good order.
    pub fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().unwrap();
        }
    }

    /// Connections are accepted by the kernel, and nothing is ever answered.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let (_, postgres) = self.pids();
        // the parent first, or it would start what we have not seen
        process::signal(postgres, signal);
        for child in process::children(postgres) {
            process::signal(child, signal);
        }
    }

    /// As a crash would: Postgres is away until [`OwnPostgres::start_again`].
    pub fn kill(&mut self) {
        let (guard, postgres) = self.pids();
        // the guard first, or it would bring Postgres back
        process::signal(guard, Signal::KILL);
        process::signal(postgres, Signal::KILL);
        eventually_blocking(Duration::from_secs(10), || !process::is_alive(postgres));
        self.running = None;
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            let _ = running.stop();
        }
    }
}

/// A directory that Postgres' account may pass through, when the tests run as root.
pub fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o711)).unwrap();
    directory
}

/// The same with a new cluster in it.
pub fn directory_with_cluster() -> TempDir {
    let directory = directory();
    let copy = Command::new("cp").arg("-Rp").arg(&*PRISTINE).arg(directory.path()).status();
    assert!(copy.unwrap().success());
    directory
}

pub fn options(directory: &Path, settings: &[(&str, &str)]) -> Options {
    Options {
        data_dir: directory.to_owned(),
        guard_exe: CAREFORALL.into(),
        settings: settings.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
    }
}

fn start(directory: &Path, settings: &[(&str, &str)]) -> EmbeddedPostgres {
    EmbeddedPostgres::start(&options(directory, settings)).unwrap()
}

pub async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Runs statements and waits for them, inside a runtime or outside.
#[track_caller]
pub fn execute(url: &str, sql: &str) {
    let work = async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        let driver = tokio::spawn(connection);
        let outcome = client.batch_execute(sql).await;
        drop(client);
        let _ = driver.await;
        outcome
    };
    let outcome: Result<(), tokio_postgres::Error> = thread::scope(|scope| {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        scope.spawn(move || runtime.block_on(work)).join().unwrap()
    });
    outcome.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

fn migrate_in_a_thread(url: String) {
    let work = move || {
        let runtime = runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let database = Database::new(&url, 1, runtime.handle().clone()).unwrap();
        runtime.block_on(migrate(&database)).unwrap();
    };
    thread::spawn(work).join().unwrap();
}

/// Removes what earlier test processes have left, unless their Postgres still runs.
fn sweep(all: &Path) {
    let free = |path: PathBuf| File::open(path).map_or(true, |lock| lock.try_lock().is_ok());
    for entry in fs::read_dir(all).into_iter().flatten().flatten() {
        let process = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if process.is_some_and(|pid| !process::is_alive(pid))
            && free(entry.path().join("guard.lock"))
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[tokio::test]
async fn each_test_has_a_migrated_database_of_its_own() {
    let (one, other) = tokio::join!(TestDatabase::new(), TestDatabase::new());
    let (a, b) = (one.client().await, other.client().await);
    a.batch_execute("CREATE TABLE bus.mine (); ").await.unwrap();
    let found = "SELECT to_regclass('bus.mine')::text";
    assert_eq!(a.query_one(found, &[]).await.unwrap().get::<_, Option<&str>>(0), Some("bus.mine"));
    assert_eq!(b.query_one(found, &[]).await.unwrap().get::<_, Option<&str>>(0), None);
    let (url, name) = (other.url(), one.name.clone());
    drop(one);
    let admin = connect(&url).await.unwrap();
    let left = admin.query("SELECT 1 FROM pg_database WHERE datname = $1", &[&name]).await.unwrap();
    assert!(left.is_empty(), "a database goes with its test");
}
