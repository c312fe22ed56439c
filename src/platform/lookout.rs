//! One look for everything that may have fallen due.
//!
//! Workers carry out intents: rows that were committed here or by another replica, for now or for
//! later. If each of them asked for itself, that would be most of what an idle replica says to
//! Postgres. So a worker hands over its question when it is made; the lookout asks all of them
//! together, once a second, in one statement, and rings those whose answer is yes. A worker works
//! when its bell rings, until it finds nothing.
//!
//! What this replica queues need not wait for that: whoever has committed it may ring the bell.
//! Where Postgres refuses the questions, everybody is rung and looks for itself, so that one table
//! that is locked or gone keeps nobody from the others. A bell that rings for nothing costs one
//! look; one that rings while its worker is busy is heard afterwards.

use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use diesel::{
    QueryableByName, sql_query,
    sql_types::{Array, BigInt, Bool},
};
use diesel_async::RunQueryDsl;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::postgres::{Database, DbError};

/// How late work may be found that nobody here has told of.
const EVERY: Duration = Duration::from_secs(1);

/// Asks for all workers of a replica.
pub struct Lookout {
    database: Database,
    questions: Vec<Question>,
}

struct Question {
    due: String,
    floor: Arc<AtomicI64>,
    bell: Arc<Notify>,
}

impl Lookout {
    pub fn new(database: Database) -> Self {
        Self { database, questions: Vec::new() }
    }

    /// A bell that rings when `due`, a SELECT, finds a row. It must be answered by an index: it is
    /// asked every second.
    pub fn bell(&mut self, due: impl Into<String>) -> Arc<Notify> {
        let bell = Arc::new(Notify::new());
        self.ring(&bell, due);
        bell
    }

    /// The same for a bell that others ring as well.
    pub fn ring(&mut self, bell: &Arc<Notify>, due: impl Into<String>) {
        self.ring_above(Arc::default(), bell, due);
    }

    /// The same for a question that speaks of `{floor}`, a number that the worker raises.
    pub fn ring_above(
        &mut self,
        floor: Arc<AtomicI64>,
        bell: &Arc<Notify>,
        due: impl Into<String>,
    ) {
        self.questions.push(Question { due: due.into(), floor, bell: Arc::clone(bell) });
    }

    /// Asks until told to stop, at once for the first time: who died may have left something.
    pub async fn run(self, stop: CancellationToken) {
        let statement = self.statement();
        loop {
            match self.ask(&statement).await {
                Ok(due) => self.ring_where(|place| due.get(place) == Some(&true)),
                Err(DbError::Query(error)) => {
                    tracing::warn!(%error, "what is due could not be asked for; everybody looks");
                    self.ring_where(|_| true);
                }
                Err(away) => tracing::warn!(error = %away, "what is due could not be asked for"),
            }
            if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
                return;
            }
        }
    }

    fn statement(&self) -> String {
        let mut text = String::from("SELECT ARRAY[");
        for (place, question) in self.questions.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            let due = question.due.replace("{floor}", &format!("($1)[{}]", place + 1));
            let _ = write!(text, "{comma}EXISTS ({due})");
        }
        text + "]::boolean[] AS due"
    }

    /// Planned anew each time: a plan that was kept from when a table was empty would read all of
    /// it once it has grown.
    async fn ask(&self, statement: &str) -> Result<Vec<bool>, DbError> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Array<Bool>)]
            due: Vec<bool>,
        }
        let floors: Vec<i64> = self
            .questions
            .iter()
            .map(|question| AtomicI64::load(&question.floor, Ordering::Relaxed))
            .collect();
        let mut conn = self.database.conn().await?;
        let asked = sql_query(statement).bind::<Array<BigInt>, _>(floors);
        Ok(asked.get_result::<Row>(&mut conn).await?.due)
    }

    fn ring_where(&self, due: impl Fn(usize) -> bool) {
        for (_, question) in self.questions.iter().enumerate().filter(|(place, _)| due(*place)) {
            question.bell.notify_one();
        }
    }
}
