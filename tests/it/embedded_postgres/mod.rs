//! The private Postgres: it starts, it keeps what was committed, and nothing outlives its server.

mod crashes;
mod guests;

use std::{
    fs::{self, Permissions},
    io::Read,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use careforall::platform::embedded_postgres::EmbeddedPostgres;

use crate::support::{
    CAREFORALL, OwnPostgres, eventually_blocking,
    postgres::{connect, directory, execute, options},
    process::{self, Leashed},
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
