//! Whatever is killed, nothing that was committed is lost and nothing runs on.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use careforall::platform::embedded_postgres::EmbeddedPostgres;
use tempfile::TempDir;

use super::{LONG, rows, write};
use crate::support::{
    OwnPostgres, eventually,
    postgres::{connect, directory_with_cluster, execute, options},
    process::{self, Leashed, Signal},
};

/// A process that owns a Postgres and waits: the real program would do, but this needs no server.
fn owner(directory: &Path) -> Leashed {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "embedded_postgres::crashes::owner_that_waits", "--nocapture"])
        .env("CAREFORALL_DEV_OWNED", directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    Leashed::spawn(&mut command)
}

#[test]
fn owner_that_waits() {
    // not a test, but what `owner` runs: on its own it has nothing to do
    let Some(directory) = std::env::var_os("CAREFORALL_DEV_OWNED") else { return };
    let postgres = EmbeddedPostgres::start(&options(Path::new(&directory), &[])).unwrap();
    execute(&postgres.url("postgres"), "CREATE TABLE gifts AS SELECT generate_series(1, 1000) id");
    fs::write(Path::new(&directory).join("written"), "").unwrap();
    loop {
        std::thread::park();
    }
}

async fn owned() -> (TempDir, Leashed) {
    let directory = directory_with_cluster();
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

/// Inserts row after row, and tells the last one that was acknowledged, until the server is gone.
async fn write_until_gone(url: String, from: i32) -> i32 {
    let client = connect(&url).await.unwrap();
    let insert = client.prepare("INSERT INTO gifts VALUES ($1)").await.unwrap();
    let mut last = from;
    while client.execute(&insert, &[&(last + 1)]).await.is_ok() {
        last += 1;
    }
    last
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_row_is_lost_by_crashes_under_load() {
    let mut postgres = OwnPostgres::start();
    let database = "careforall";
    execute(&postgres.url(database), "CREATE TABLE gifts (id int)");
    let mut acknowledged = 0;
    for _ in 0..4 {
        let url = postgres.url(database);
        let writer = tokio::spawn(write_until_gone(url.clone(), acknowledged));
        let enough = i64::from(acknowledged) + 200;
        eventually(LONG, || async { rows(&url).await > enough }).await;
        postgres.kill();
        acknowledged = writer.await.unwrap();
        postgres.start_again();
        let client = connect(&postgres.url(database)).await.unwrap();
        let found = "SELECT count(DISTINCT id) FROM gifts WHERE id <= $1";
        let kept: i64 = client.query_one(found, &[&acknowledged]).await.unwrap().get(0);
        assert_eq!(kept, i64::from(acknowledged));
    }
}
