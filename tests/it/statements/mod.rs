//! What a server says to Postgres, counted in Postgres's own log: when there is nothing to do, and
//! for a list.

mod idle;
mod lists;
mod lookout;

use std::fs;

use crate::support::{OwnPostgres, Server, server::Builder};

/// A server with a Postgres of its own that logs every statement.
struct Overheard {
    postgres: OwnPostgres,
    server: Server,
}

impl Overheard {
    async fn start(builder: Builder) -> Self {
        let postgres =
            OwnPostgres::start_with(&[("log_statement", "all"), ("log_line_prefix", "%a ")]);
        let server = builder.database_url(postgres.url("careforall")).start().await;
        Self { postgres, server }
    }

    /// All statements of the server so far, without the names they are prepared under. A statement
    /// of several lines is known by its first.
    fn statements(&self) -> Vec<String> {
        let log = fs::read(self.postgres.path().join("postgres.log")).unwrap();
        let log = String::from_utf8_lossy(&log);
        log.lines()
            .filter_map(|line| line.strip_prefix("careforall LOG:  "))
            .filter_map(|said| {
                said.strip_prefix("statement: ")
                    .or_else(|| said.strip_prefix("execute ")?.split_once(": ").map(|(_, s)| s))
            })
            .map(str::to_owned)
            .collect()
    }
}
