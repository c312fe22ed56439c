//! The worker that applies what is in the inbox.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use diesel_async::AsyncConnection;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        providers::Providers,
        repo::{self, InboxRow},
    },
    apply::apply,
    ask::Asker,
    outcome::{Applied, deferred},
};
use crate::platform::{
    event_bus::EventBus,
    lookout::Lookout,
    postgres::{Connection, Database, DbError, Severity, severity},
    telemetry::{BatchSpans, SpanKind, names},
};

/// Webhooks in one transaction.
const BATCH: u16 = 256;
/// The least time between two batches that were not full: what arrives meanwhile shares one.
const BUSY: Duration = Duration::from_millis(15);
/// How soon is tried again what failed.
const RETRY: Duration = Duration::from_secs(1);
/// How often the floor is moved, the inbox is searched below it, and its gauges are sampled.
const CHECKPOINT: Duration = Duration::from_secs(10);

/// Applies webhooks. Several replicas share the work: each locks what it takes.
pub struct Worker {
    database: Database,
    providers: Providers,
    asker: Asker,
    wake: Arc<Notify>,
    floor: Floor,
    /// The floor, for the lookout.
    shown: Arc<AtomicI64>,
}

/// Polls start above what was settled a while ago: dead index entries that cannot be vacuumed yet
/// (a long report holds them) are not read again and again. A transaction that commits later than
/// the floor assumes is found by the next checkpoint's search from zero.
struct Floor {
    current: i64,
    next: i64,
    highest: i64,
    moved: Instant,
    /// The search from zero is due, until one has been committed that left nothing behind.
    from_zero: bool,
}

impl Worker {
    /// `wake` is rung by whoever has stored a webhook, and by the lookout for what fell due, or came
    /// in by another replica that died.
    pub fn new(
        database: Database,
        providers: Providers,
        bus: EventBus,
        wake: Arc<Notify>,
        lookout: &mut Lookout,
    ) -> Self {
        let shown = Arc::<AtomicI64>::default();
        lookout.ring_above(Arc::clone(&shown), &wake, repo::INBOX_DUE);
        let floor =
            Floor { current: 0, next: 0, highest: 0, moved: Instant::now(), from_zero: true };
        let asker = Asker::new(database.clone(), providers.clone(), bus, wake.clone());
        Self { database, providers, asker, wake, floor, shown }
    }

    /// Works until told to stop; the batch and the questions under way are finished.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let started = Instant::now();
            match self.turn().await {
                Ok(taken) if taken >= usize::from(BATCH) => {}
                Ok(taken) if taken > 0 => {
                    let pause = tokio::time::sleep_until(started + BUSY);
                    let _ = stop.run_until_cancelled(pause).await;
                }
                Ok(_) => self.rest(&stop, CHECKPOINT).await,
                Err(error) => {
                    tracing::warn!(%error, "webhooks could not be applied");
                    self.rest(&stop, RETRY).await;
                }
            }
        }
        self.asker.finish().await;
    }

    async fn rest(&self, stop: &CancellationToken, time: Duration) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.wake.notified() => {}
            () = tokio::time::sleep(time) => {}
        }
    }

    /// Applies one batch; returns how many webhooks it took.
    async fn turn(&mut self) -> Result<usize, DbError> {
        let mut conn = self.database.conn().await?;
        if self.floor.moved.elapsed() >= CHECKPOINT {
            self.floor.checkpoint();
            self.shown.store(self.floor.current, Ordering::Relaxed);
            if let Err(error) = sample(&mut conn).await {
                tracing::warn!(%error, "the inbox could not be counted");
            }
        }
        let floor = self.floor.take();
        let batch = conn.transaction(async |conn| self.batch(conn, floor).await).await;
        let (taken, highest, applied) = match batch {
            Ok(done) => done,
            Err(error) if severity(&error) == Severity::Permanent => {
                tracing::error!(%error, "a batch of webhooks failed; one by one");
                (self.one_by_one(&mut conn, floor).await?, 0, Vec::new())
            }
            Err(error) => return Err(error.into()),
        };
        drop(conn);
        self.floor.searched(floor, taken, highest);
        for applied in applied {
            self.follow_up(applied).await?;
        }
        Ok(taken)
    }

    async fn batch(
        &self,
        conn: &mut Connection,
        floor: i64,
    ) -> diesel::QueryResult<(usize, i64, Vec<Applied>)> {
        let rows = repo::claim_inbox(conn, floor, BATCH.into()).await?;
        let (taken, highest) = (rows.len(), rows.iter().map(|row| row.id).max().unwrap_or(0));
        let mut by_provider: BTreeMap<String, Vec<InboxRow>> = BTreeMap::new();
        for row in rows {
            by_provider.entry(row.provider.clone()).or_default().push(row);
        }
        let mut outcomes = Vec::new();
        for (name, mut rows) in by_provider {
            let spans = steps(&mut rows);
            let applying = async {
                match self.providers.get(&name) {
                    Some(provider) => apply(conn, provider, &rows).await,
                    // switched off since; it may be switched on again
                    None => put_off(conn, &rows, "provider_not_configured").await,
                }
            };
            outcomes.push(spans.scope(applying).await?);
        }
        Ok((taken, highest, outcomes))
    }

    /// After a batch that fails for good: each webhook in a transaction of its own, so that only
    /// the guilty one is put off.
    async fn one_by_one(&self, conn: &mut Connection, floor: i64) -> Result<usize, DbError> {
        let ids: Vec<i64> = conn
            .transaction(async |conn| repo::claim_inbox(conn, floor, BATCH.into()).await)
            .await?
            .iter()
            .map(|row| row.id)
            .collect();
        for id in &ids {
            let applied = conn
                .transaction(async |conn| {
                    let Some(row) = repo::lock_inbox(conn, *id).await? else {
                        return Ok(Applied::default());
                    };
                    match self.providers.get(&row.provider) {
                        Some(provider) => apply(conn, provider, &[row]).await,
                        None => put_off(conn, &[row], "provider_not_configured").await,
                    }
                })
                .await;
            match applied {
                Ok(applied) => self.follow_up(applied).await?,
                Err(error) if severity(&error) == Severity::Permanent => {
                    tracing::error!(inbox_id = id, %error, "webhook cannot be applied");
                    conn.transaction(async |conn| {
                        let row = repo::lock_inbox(conn, *id).await?;
                        put_off(conn, &row.into_iter().collect::<Vec<_>>(), "failed").await
                    })
                    .await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(ids.len())
    }

    /// After the commit: tell of it, ask the questions, and look again for payments that nobody
    /// knew.
    async fn follow_up(&self, applied: Applied) -> Result<(), DbError> {
        self.asker.announce(&applied);
        applied.questions.into_iter().for_each(|question| self.asker.ask(question));
        if !applied.unknown.is_empty() {
            let mut conn = self.database.conn().await?;
            if repo::wake_known(&mut conn, &applied.unknown).await? > 0 {
                self.wake.notify_one();
            }
        }
        Ok(())
    }
}

/// A step in the trace of each webhook; what follows from it happens there.
fn steps(rows: &mut [InboxRow]) -> BatchSpans {
    let trace = |row: &InboxRow| row.trace_context.as_deref().and_then(|trace| trace.parse().ok());
    let name = |place: usize| format!("apply {} webhook", rows[place].provider);
    let mut spans = BatchSpans::start(rows.iter().map(trace), name, &SpanKind::Consumer);
    for (place, span) in spans.recorded() {
        let row = &mut rows[place];
        span.set(names::MESSAGING_MESSAGE_ID, row.event_id.clone());
        span.set(names::MESSAGING_DESTINATION_NAME, "payment.webhook_inbox");
        row.trace_context = span.context().map(|trace| trace.to_string());
    }
    spans
}

async fn put_off(
    conn: &mut Connection,
    rows: &[InboxRow],
    reason: &str,
) -> diesel::QueryResult<Applied> {
    let settled: Vec<_> = rows.iter().map(|row| deferred(row, reason.to_owned())).collect();
    repo::settle_inbox(conn, &settled).await?;
    Ok(Applied { settled, ..Applied::default() })
}

impl Floor {
    fn checkpoint(&mut self) {
        self.current = self.next;
        self.next = self.highest;
        self.moved = Instant::now();
        self.from_zero = true;
    }

    /// The floor for the next poll: zero after a checkpoint, until that search is done.
    fn take(&self) -> i64 {
        if self.from_zero { 0 } else { self.current }
    }

    /// A poll above `floor` has been committed.
    fn searched(&mut self, floor: i64, taken: usize, highest: i64) {
        self.highest = self.highest.max(highest);
        if floor == 0 && taken < usize::from(BATCH) {
            self.from_zero = false;
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "a gauge")]
async fn sample(conn: &mut Connection) -> Result<(), DbError> {
    let counts = repo::count_inbox(conn).await?;
    for status in ["pending", "deferred", "quarantined", "dead"] {
        let events = counts.iter().find(|(s, _)| s == status).map_or(0, |(_, n)| *n);
        metrics::gauge!("inbox_events", "status" => status).set(events as f64);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_from_zero_is_owed_until_one_found_less_than_a_batch() {
        let moved = Instant::now();
        let mut floor = Floor { current: 0, next: 0, highest: 0, moved, from_zero: true };
        floor.searched(floor.take(), 3, 900);
        floor.checkpoint();
        floor.checkpoint();
        // a poll that failed is not told of: the next one starts from zero as well
        assert_eq!((floor.take(), floor.take()), (0, 0));
        floor.searched(0, 256, 950);
        assert_eq!(floor.take(), 0, "there may be more");
        floor.searched(0, 255, 940);
        assert_eq!(floor.take(), 900);
        floor.searched(900, 0, 0);
        assert_eq!((floor.take(), floor.highest), (900, 950));
    }
}
