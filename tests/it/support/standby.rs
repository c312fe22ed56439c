//! A streaming standby, made as an operator makes one: a base backup that goes on replaying.

use std::process::Command;

use super::{OwnPostgres, postgres};

/// A running standby of this cluster. It follows the primary until one of them is stopped.
pub async fn of(primary: &OwnPostgres) -> OwnPostgres {
    let url = primary.url("postgres");
    let client = postgres::connect(&url).await.unwrap();
    let binaries = "SELECT setting FROM pg_config WHERE name = 'BINDIR'";
    let binaries: String = client.query_one(binaries, &[]).await.unwrap().get(0);
    let directory = postgres::directory();
    let mut backup = Command::new(format!("{binaries}/pg_basebackup"));
    backup.args(["--dbname", &url, "--write-recovery-conf", "--wal-method", "stream"]);
    backup.args(["--checkpoint", "fast", "--no-sync", "--pgdata"]).arg(directory.path().join("pg"));
    let output = backup.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    OwnPostgres::adopt(directory)
}
