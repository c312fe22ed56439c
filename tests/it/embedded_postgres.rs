//! The private Postgres: it starts, it keeps what was committed, and nothing outlives its server.

use std::{
    fs::{self, Permissions},
    io::Read,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use careforall::platform::embedded_postgres::EmbeddedPostgres;
use tempfile::TempDir;

use crate::support::{
    CAREFORALL, OwnPostgres, eventually, eventually_blocking,
    postgres::{connect, directory, execute, options},
    process::{self, Leashed, Signal},
};

const LONG: Duration = Duration::from_mins(1);

async fn rows(url: &str) -> i64 {
    let client = connect(url).await.unwrap();
    client.query_one("SELECT count(*) FROM gifts", &[]).await.unwrap().get(0)
}

fn write(postgres: &OwnPostgres) {
    let sql = "CREATE TABLE gifts (id int); INSERT INTO gifts SELECT generate_series(1, 1000)";
    execute(&postgres.url("careforall"), sql);
}

#[tokio::test]
async fn a_restart_is_quick_and_keeps_the_data() {
    let mut postgres = OwnPostgres::start();
    write(&postgres);
    postgres.stop();
    assert_eq!(process::mentioning(postgres.path()), Vec::<u32>::new());
    let started = Instant::now();
    postgres.start_again();
    let took = started.elapsed();
    // a tenth of a second on an idle machine, but tests share theirs
    assert!(took < Duration::from_secs(15), "a restart took {took:?}");
    assert_eq!(rows(&postgres.url("careforall")).await, 1000);
}

#[tokio::test]
async fn what_was_committed_is_on_the_disk() {
    let postgres = OwnPostgres::start();
    let client = connect(&postgres.url("careforall")).await.unwrap();
    for setting in ["fsync", "full_page_writes", "synchronous_commit", "data_checksums"] {
        let row = client.query_one(&format!("SHOW {setting}"), &[]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), "on", "{setting}");
    }
    let row = client.query_one("SHOW listen_addresses", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "", "no port is opened");
    let row = client.query_one("SELECT upper('é')", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "É");
}

#[tokio::test]
async fn a_database_is_made_once() {
    let directory = directory();
    let postgres = EmbeddedPostgres::start(&options(directory.path(), &[])).unwrap();
    for _ in 0..2 {
        postgres.create_database_if_absent("with \"quotes\"").await.unwrap();
    }
    postgres.create_database_if_absent("gifts").await.unwrap();
    connect(&postgres.url("gifts")).await.unwrap();
    tokio::task::spawn_blocking(|| postgres.stop()).await.unwrap().unwrap();
}

/// A process that owns a Postgres and waits: the real program would do, but this needs no server.
fn owner(directory: &Path) -> Leashed {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "embedded_postgres::owner_that_waits", "--ignored", "--nocapture"])
        .env("CAREFORALL_DEV_OWNED", directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    Leashed::spawn(&mut command)
}

#[test]
#[ignore = "run by other tests, as a process to be killed"]
fn owner_that_waits() {
    let Some(directory) = std::env::var_os("CAREFORALL_DEV_OWNED") else { return };
    let postgres = EmbeddedPostgres::start(&options(Path::new(&directory), &[])).unwrap();
    execute(&postgres.url("postgres"), "CREATE TABLE gifts AS SELECT generate_series(1, 1000) id");
    fs::write(Path::new(&directory).join("written"), "").unwrap();
    loop {
        std::thread::park();
    }
}

async fn owned() -> (TempDir, Leashed) {
    let directory = directory();
    let owner = owner(directory.path());
    eventually(LONG, || std::future::ready(directory.path().join("written").exists())).await;
    (directory, owner)
}

#[tokio::test]
async fn killing_the_server_leaves_no_postgres_and_loses_nothing() {
    let (directory, mut owner) = owned().await;
    assert!(process::mentioning(directory.path()).len() >= 2, "a guard and a Postgres");
    process::signal(owner.pid(), Signal::KILL);
    owner.child.wait().unwrap();
    eventually(LONG, || std::future::ready(process::mentioning(directory.path()).is_empty())).await;
    let again = EmbeddedPostgres::start(&options(directory.path(), &[])).unwrap();
    assert_eq!(rows(&again.url("postgres")).await, 1000);
    again.stop().unwrap();
}

#[tokio::test]
async fn a_start_right_after_a_kill_waits_for_the_last_postgres() {
    let (directory, mut owner) = owned().await;
    owner.end();
    let again = EmbeddedPostgres::start(&options(directory.path(), &[])).unwrap();
    assert_eq!(rows(&again.url("postgres")).await, 1000);
    again.stop().unwrap();
    assert_eq!(process::mentioning(directory.path()), Vec::<u32>::new());
}

#[tokio::test]
async fn killing_server_and_guard_leaves_an_orphan_that_the_next_start_ends() {
    let (directory, mut owner) = owned().await;
    let pid = fs::read_to_string(directory.path().join("pg/postmaster.pid")).unwrap();
    let orphan: u32 = pid.lines().next().unwrap().parse().unwrap();
    let all = process::mentioning(directory.path());
    let guard = all.into_iter().find(|pid| *pid != orphan).unwrap();
    process::signal(guard, Signal::KILL);
    owner.end();
    assert!(process::is_alive(orphan));
    let again = EmbeddedPostgres::start(&options(directory.path(), &[])).unwrap();
    assert!(!process::is_alive(orphan));
    assert_eq!(rows(&again.url("postgres")).await, 1000);
    again.stop().unwrap();
}

#[tokio::test]
async fn a_stop_works_although_the_guard_was_killed() {
    let mut postgres = OwnPostgres::start();
    write(&postgres);
    let (guard, server) = postgres.pids();
    process::signal(guard, Signal::KILL);
    assert_eq!(rows(&postgres.url("careforall")).await, 1000, "Postgres goes on alone");
    postgres.stop();
    assert!(!process::is_alive(server));
    postgres.start_again();
    assert_eq!(rows(&postgres.url("careforall")).await, 1000);
}

#[tokio::test]
async fn the_guard_brings_a_killed_postgres_back() {
    let postgres = OwnPostgres::start();
    write(&postgres);
    let (_, server) = postgres.pids();
    process::signal(server, Signal::KILL);
    let url = postgres.url("careforall");
    eventually(LONG, || async { !process::is_alive(server) && connect(&url).await.is_ok() }).await;
    assert_eq!(rows(&url).await, 1000);
}

#[tokio::test]
async fn a_crash_of_everything_loses_nothing() {
    let mut postgres = OwnPostgres::start();
    write(&postgres);
    postgres.kill();
    postgres.start_again();
    assert_eq!(rows(&postgres.url("careforall")).await, 1000);
}

#[tokio::test]
async fn a_number_in_the_pid_file_that_is_somebody_elses_is_left_alone() {
    let mut postgres = OwnPostgres::start();
    postgres.kill();
    let mut stranger = Leashed::spawn(Command::new("sleep").arg("1000"));
    let file = postgres.path().join("pg/postmaster.pid");
    let text = fs::read_to_string(&file).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    fs::write(&file, format!("{}\n{rest}", stranger.pid())).unwrap();
    postgres.start_again();
    assert!(stranger.child.try_wait().unwrap().is_none(), "the stranger lives");
}

#[test]
fn a_second_server_on_the_directory_is_refused() {
    let postgres = OwnPostgres::start();
    let error = EmbeddedPostgres::start(&options(postgres.path(), &[])).unwrap_err().to_string();
    assert!(error.contains("is in use by another server"), "{error}");
    assert!(error.contains("CAREFORALL_EMBEDDED__DATA_DIR"), "{error}");
}

#[test]
fn a_setting_that_postgres_refuses_is_told_in_its_words() {
    let directory = directory();
    let wrong = options(directory.path(), &[("shared_buffers", "plenty")]);
    let error = format!("{:#}", EmbeddedPostgres::start(&wrong).unwrap_err());
    assert!(error.contains("invalid value for parameter \"shared_buffers\""), "{error}");
    EmbeddedPostgres::start(&options(directory.path(), &[])).unwrap().stop().unwrap();
}

#[test]
fn a_directory_that_postgres_cannot_reach_is_replaced() {
    if !rustix::process::geteuid().is_root() {
        return; // Postgres runs as ourselves and reaches what we reach
    }
    let hidden = tempfile::tempdir().unwrap();
    fs::set_permissions(hidden.path(), Permissions::from_mode(0o700)).unwrap();
    let wanted = options(&hidden.path().join("data"), &[]);
    let mut used = Vec::new();
    for _ in 0..2 {
        let postgres = EmbeddedPostgres::start(&wanted).unwrap();
        used.push(postgres.data_dir().to_owned());
        postgres.stop().unwrap();
    }
    fs::remove_dir_all(&used[0]).unwrap();
    assert!(used[0].to_str().unwrap().starts_with("/var/lib/careforall-"), "{used:?}");
    assert_eq!(used[0], used[1], "the same for the same wish");
}

#[test]
fn without_postgres_the_remedies_are_named() {
    let mut migrate = Command::new(CAREFORALL);
    migrate.arg("migrate").env_remove("DATABASE_URL").env("PG_BIN_DIR", "/nowhere");
    let directory = directory();
    let output = migrate.current_dir(directory.path()).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(error.contains("PG_BIN_DIR=/nowhere has no postgres and initdb"), "{error}");
}

#[test]
fn a_guard_that_was_told_nothing_ends_at_once() {
    let mut guard = Command::new(CAREFORALL);
    guard.arg("__pg-guard").stdin(Stdio::null()).stderr(Stdio::piped());
    let mut guard = Leashed::spawn(&mut guard);
    let status = eventually_blocking(LONG, || guard.child.try_wait().unwrap());
    let mut text = String::new();
    guard.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(!status.success() && text.contains("--postgres"), "{text}");
}
