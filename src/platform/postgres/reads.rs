//! Reads that may be a little old: from a streaming standby while it is known to be fresh, from the
//! primary otherwise.
//!
//! Freshness is proved, not believed. Every half second the position of the primary's log is noted
//! with the time, and the standby is asked how far it has replayed: it is as old as the newest
//! position that it has passed. No clock of another machine takes part, an idle primary does not
//! look like a lagging standby, and when nobody looks any more the proof runs out by itself.
//!
//! Only an answer of the standby's counts. What it does not know, what it cancels, what it does not
//! say in time: the primary is asked instead, in the same request. So a standby that goes away, is
//! replaced or misses a migration costs some milliseconds and no error.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Nullable},
};
use diesel_async::{RunQueryDsl, pooled_connection::deadpool::Object};
use metrics::{counter, gauge};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{Connection, Database, DbError};

/// How often the standby's freshness is proved.
const EVERY: Duration = Duration::from_millis(500);

/// How long a standby may take over a look or a read before the primary is asked.
const PATIENCE: Duration = Duration::from_secs(1);

/// Positions that wait to be passed, at most: minutes of them. A standby that lags further is of no
/// use anyway, and catches up past the last of them.
const MOST_MARKS: usize = 600;

/// Where to read. Cloned into every service that may answer with what is a little old.
#[derive(Clone)]
pub struct Reads {
    primary: Database,
    standby: Option<Arc<Standby>>,
}

struct Standby {
    database: Database,
    /// Older than this it is not asked.
    bound: Duration,
    /// Since when this process has run: the age of a standby that has proved nothing yet.
    since: Instant,
    /// Everything committed until then is there. `None`: nothing is known.
    fresh_as_of: Mutex<Option<Instant>>,
}

/// A position in the primary's log, and when it was already reached.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: Instant,
    position: i64,
}

/// How far a server is, and whose log that is.
#[derive(QueryableByName)]
struct Progress {
    #[diesel(sql_type = Nullable<BigInt>)]
    position: Option<i64>,
    #[diesel(sql_type = BigInt)]
    cluster: i64,
}

/// Not null on a primary only.
const WRITTEN: &str = "
    SELECT CASE WHEN NOT pg_is_in_recovery()
                THEN (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint END AS position,
           (SELECT system_identifier FROM pg_control_system()) AS cluster";

/// Not null on a standby only.
const REPLAYED: &str = "
    SELECT CASE WHEN pg_is_in_recovery()
                THEN (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint END AS position,
           (SELECT system_identifier FROM pg_control_system()) AS cluster";

impl Reads {
    /// From the primary, always.
    pub fn at_primary(primary: Database) -> Self {
        Self { primary, standby: None }
    }

    /// From the standby, while it is at most `bound` old.
    pub fn with_standby(primary: Database, standby: Database, bound: Duration) -> Self {
        let (since, fresh_as_of) = (Instant::now(), Mutex::new(None));
        let standby = Arc::new(Standby { database: standby, bound, since, fresh_as_of });
        Self { primary, standby: Some(standby) }
    }

    /// Runs work that only reads. An error at the standby is no error: `work` is run again at the
    /// primary, whose outcome counts. What a fresh standby may lack, such as a campaign of a second
    /// ago, should therefore be an error of the work's.
    ///
    /// # Errors
    /// The work's at the primary, or that no connection to it is to be had.
    pub async fn run<T, E: From<DbError>>(
        &self,
        work: impl AsyncFn(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        if let Some(standby) = &self.standby {
            if let Some(found) = standby.run(&work).await {
                counter!("db_replica_reads_total", "outcome" => "replica").increment(1);
                return Ok(found);
            }
            counter!("db_replica_reads_total", "outcome" => "primary").increment(1);
        }
        let mut conn = self.primary.conn().await?;
        work(&mut conn).await
    }

    /// Where everything else is read, and written.
    pub fn primary(&self) -> &Database {
        &self.primary
    }

    /// Whether there is a standby at all.
    pub fn has_standby(&self) -> bool {
        self.standby.is_some()
    }

    /// Proves the standby's freshness again and again, until told to stop.
    pub async fn watch(self, stop: CancellationToken) {
        let mut marks = VecDeque::new();
        while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
            if let Some(standby) = &self.standby {
                standby.look(&self.primary, &mut marks).await;
            }
        }
    }
}

impl Standby {
    async fn run<T, E>(&self, work: &impl AsyncFn(&mut Connection) -> Result<T, E>) -> Option<T> {
        if self.age().is_none_or(|age| age > self.bound) {
            return None;
        }
        let Ok(Ok(mut conn)) = timeout(PATIENCE, self.database.conn()).await else {
            self.distrust();
            return None;
        };
        if let Ok(outcome) = timeout(PATIENCE, work(&mut conn)).await {
            return outcome.ok();
        }
        // it may be in the middle of something: nobody else gets this connection
        drop(Object::take(conn));
        self.distrust();
        None
    }

    /// Compares the two logs. A server that does not answer proves nothing.
    async fn look(&self, primary: &Database, marks: &mut VecDeque<Mark>) {
        let known = self.age().is_some_and(|age| age <= self.bound);
        let at = Instant::now();
        let (written, replayed) =
            futures_util::join!(ask(primary, WRITTEN), ask(&self.database, REPLAYED));
        let cluster = written.as_ref().map(|progress| progress.cluster);
        let replayed = replayed.filter(|progress| cluster.is_none_or(|id| id == progress.cluster));
        // asked side by side, so what was just written counts from the next look on
        let passed = replayed.and_then(|progress| progress.position);
        if let Some(at) = passed.and_then(|position| newest_passed(marks, position)) {
            *self.proof() = Some(at);
        }
        if let Some(position) = written.and_then(|progress| progress.position)
            && marks.len() < MOST_MARKS
        {
            marks.push_back(Mark { at, position });
        }
        self.tell(known);
    }

    fn tell(&self, known: bool) {
        let age = self.age();
        gauge!("db_replica_lag_seconds").set(age.unwrap_or(self.since.elapsed()).as_secs_f64());
        match (known, age.is_some_and(|age| age <= self.bound)) {
            (false, true) => tracing::info!("the read replica is fresh: it is read from"),
            (true, false) => {
                tracing::warn!("the read replica is behind or away: the primary is read from");
            }
            _ => {}
        }
    }

    /// How old its data may be at most.
    fn age(&self) -> Option<Duration> {
        self.proof().map(|at| at.elapsed())
    }

    /// It is not read from until it has proved itself again.
    fn distrust(&self) {
        *self.proof() = None;
    }

    fn proof(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.fresh_as_of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes away the marks up to this position, and returns the time of the newest of them.
fn newest_passed(marks: &mut VecDeque<Mark>, position: i64) -> Option<Instant> {
    let mut newest = None;
    while let Some(mark) = marks.pop_front_if(|mark| mark.position <= position) {
        newest = Some(mark.at);
    }
    newest
}

async fn ask(database: &Database, question: &'static str) -> Option<Progress> {
    let mut conn = timeout(PATIENCE, database.conn()).await.ok()?.ok()?;
    let asked = super::cached(diesel::sql_query(question));
    let Ok(answer) = timeout(PATIENCE, asked.get_result(&mut conn)).await else {
        drop(Object::take(conn));
        return None;
    };
    answer.inspect_err(|error| tracing::warn!(%error, "cannot see how far the log is")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(now: Instant) -> VecDeque<Mark> {
        let mark = |n: u32| Mark { at: now + EVERY * n, position: 100 * i64::from(n) };
        (1..=3).map(mark).collect()
    }

    #[test]
    fn a_standby_is_as_old_as_the_newest_position_that_it_has_passed() {
        let now = Instant::now();
        let mut waiting = marks(now);
        assert_eq!(newest_passed(&mut waiting, 99), None);
        assert_eq!(newest_passed(&mut waiting, 250), Some(now + EVERY * 2));
        assert_eq!(newest_passed(&mut waiting, 250), None, "standing still proves nothing new");
        assert_eq!(newest_passed(&mut waiting, 300), Some(now + EVERY * 3));
        assert!(waiting.is_empty());
    }

    #[test]
    fn an_idle_primary_does_not_age_its_standby() {
        let now = Instant::now();
        let at = |n: u32| now + EVERY * n;
        let mut waiting: VecDeque<Mark> =
            (1..=3).map(|n| Mark { at: at(n), position: 100 }).collect();
        assert_eq!(newest_passed(&mut waiting, 100), Some(at(3)));
    }
}
