//! The batching writer: many requests, one round trip, one commit.
//!
//! Requests queue in a bounded channel. A writer takes whatever has gathered while its last flush
//! was under way, and what those bring who are ready to run, without any delay of its own, at most
//! [`Limits::batch`], writes it in one transaction and answers each request by its own outcome. A
//! batch of one is an ordinary transaction. What always holds:
//!
//! - an outcome is sent only after the commit;
//! - one bad job never fails its neighbours: a batch that fails for good is halved until the
//!   guilty job stands alone;
//! - a full queue refuses at once: load is shed, never lost.

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::{
    runtime::Handle,
    sync::{Mutex, mpsc, oneshot},
};

use crate::{
    kernel::problem::{Problem, ProblemCode},
    platform::{
        postgres::{DbError, Severity},
        telemetry::{self, BatchSpans, SpanKind, TraceContext, names},
    },
};

/// What a batch does.
pub trait Flush: Send + Sync + 'static {
    type Job: Send + Sync + 'static;
    type Outcome: Send + 'static;

    /// Writes all jobs in one transaction and returns their outcomes in the same order. It may be
    /// called again for the same jobs after a failure, in which case nothing was committed, or,
    /// when the connection broke at the commit, everything.
    fn flush<'a>(
        &'a self,
        jobs: &'a [Self::Job],
    ) -> BoxFuture<'a, Result<Vec<Self::Outcome>, DbError>>;
}

/// How much a writer holds.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests that may wait; the next one is refused.
    pub queue: usize,
    /// Requests in one flush.
    pub batch: usize,
    /// Flushes under way at the same time. More writers make smaller batches: one is fastest on a
    /// small machine.
    pub writers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { queue: 4096, batch: 256, writers: 1 }
    }
}

/// Why a job has no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The queue is full, or the process is stopping; nothing was written.
    #[error("too many requests wait")]
    Full,
    /// Postgres is away; whether it was written is unknown.
    #[error("the database is unavailable")]
    Unavailable,
    /// It lost the race for its rows too often.
    #[error("too many requests for the same rows")]
    Contention,
    /// The job itself cannot be written.
    #[error("the write failed")]
    Failed,
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        let code = match error {
            SubmitError::Full | SubmitError::Contention => ProblemCode::Overloaded,
            SubmitError::Unavailable => ProblemCode::DatabaseUnavailable,
            SubmitError::Failed => ProblemCode::Internal,
        };
        Self::new(code, error.to_string())
    }
}

type Reply<F> = oneshot::Sender<Result<<F as Flush>::Outcome, SubmitError>>;

struct Entry<F: Flush> {
    job: F::Job,
    reply: Reply<F>,
    /// Of the request, if it is recorded.
    trace: Option<TraceContext>,
}

/// The queue's entrance. The writers end when the last clone is dropped and the queue is empty.
pub struct Batcher<F: Flush> {
    name: &'static str,
    queue: mpsc::Sender<Entry<F>>,
}

impl<F: Flush> Clone for Batcher<F> {
    fn clone(&self) -> Self {
        Self { name: self.name, queue: self.queue.clone() }
    }
}

impl<F: Flush> Batcher<F> {
    /// Starts the writers on `runtime`.
    pub fn start(name: &'static str, flush: F, limits: Limits, runtime: &Handle) -> Self {
        let (queue, entries) = mpsc::channel(limits.queue);
        // an alert sees only what grows: the first refusal is to be growth
        metrics::counter!("batch_refused_total", "writer" => name).increment(0);
        let entries = Arc::new(Mutex::new(entries));
        let flush = Arc::new(flush);
        for _ in 0..limits.writers {
            let writer = Writer { name, flush: flush.clone(), batch: limits.batch };
            runtime.spawn(writer.run(entries.clone()));
        }
        Self { name, queue }
    }

    /// Queues the job and waits for its outcome.
    ///
    /// # Errors
    /// See [`SubmitError`]. Dropping the future does not take the job back.
    pub async fn submit(&self, job: F::Job) -> Result<F::Outcome, SubmitError> {
        let (reply, outcome) = oneshot::channel();
        self.queue
            .try_send(Entry { job, reply, trace: telemetry::recorded() })
            .map_err(|_| self.refuse())?;
        outcome.await.unwrap_or(Err(SubmitError::Full))
    }

    fn refuse(&self) -> SubmitError {
        metrics::counter!("batch_refused_total", "writer" => self.name).increment(1);
        SubmitError::Full
    }
}

/// How often, at most, whoever else is ready to run goes first.
const TURNS: usize = 8;

/// A batch of so many is written at once: its commit is shared well enough, and if all who ask came
/// along, the cores would have nothing to do until it is over.
const ENOUGH: usize = 16;

/// Lets others run as long as they bring more. On busy cores the first of many requests would be
/// written alone, and the rest wait for that; on idle ones this takes a few microseconds.
async fn gather<T>(queue: &mut mpsc::Receiver<T>, batch: &mut Vec<T>, most: usize) {
    for _ in 0..TURNS {
        let before = batch.len();
        if before >= ENOUGH {
            return;
        }
        // other threads, such as those of HTTP, and other processes
        std::thread::yield_now();
        // other tasks of this thread
        tokio::task::yield_now().await;
        while batch.len() < most
            && let Ok(entry) = queue.try_recv()
        {
            batch.push(entry);
        }
        if batch.len() == before {
            return;
        }
    }
}

/// Races are tried again this often before the batch is split or given up.
const ATTEMPTS: u32 = 5;

struct Writer<F: Flush> {
    name: &'static str,
    flush: Arc<F>,
    batch: usize,
}

impl<F: Flush> Writer<F> {
    async fn run(self, entries: Arc<Mutex<mpsc::Receiver<Entry<F>>>>) {
        let mut batch = Vec::with_capacity(self.batch);
        loop {
            let mut queue = entries.lock().await;
            if queue.recv_many(&mut batch, self.batch).await == 0 {
                return;
            }
            gather(&mut queue, &mut batch, self.batch).await;
            let (taken, left) = (batch.len(), queue.len());
            drop(queue);
            metrics::histogram!("batch_size", "writer" => self.name).record(to_f64(taken));
            metrics::gauge!("batch_queue_length", "writer" => self.name).set(to_f64(left));
            let (traces, name) = (batch.iter().map(|entry| entry.trace), self.name);
            let mut spans =
                BatchSpans::start(traces, |_| format!("flush {name}"), &SpanKind::Internal);
            for (_, span) in spans.recorded() {
                span.set(names::DB_OPERATION_BATCH_SIZE, i64::try_from(taken).unwrap_or_default());
            }
            let (jobs, replies): (Vec<_>, Vec<_>) =
                batch.drain(..).map(|entry| (entry.job, entry.reply)).unzip();
            spans.scope(self.write(&jobs, replies)).await;
        }
    }

    /// Flushes, halving on failure. Boxed because it calls itself.
    fn write<'a>(&'a self, jobs: &'a [F::Job], mut replies: Vec<Reply<F>>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            match self.attempt(jobs).await {
                Ok(outcomes) => {
                    for (reply, outcome) in replies.into_iter().zip(outcomes) {
                        // a client that has gone away needs no answer
                        let _ = reply.send(Ok(outcome));
                    }
                }
                Err(error) if jobs.len() > 1 && error.severity() != Severity::Unavailable => {
                    tracing::warn!(writer = self.name, jobs = jobs.len(), %error, "batch split");
                    let half = jobs.len() / 2;
                    let rest = replies.split_off(half);
                    self.write(&jobs[..half], replies).await;
                    self.write(&jobs[half..], rest).await;
                }
                Err(error) => self.refuse(&error, replies),
            }
        })
    }

    fn refuse(&self, error: &DbError, replies: Vec<Reply<F>>) {
        let refusal = match error.severity() {
            Severity::Unavailable => SubmitError::Unavailable,
            Severity::Contention => SubmitError::Contention,
            Severity::Permanent => SubmitError::Failed,
        };
        tracing::error!(writer = self.name, %error, "batch failed");
        for reply in replies {
            let _ = reply.send(Err(refusal));
        }
    }

    async fn attempt(&self, jobs: &[F::Job]) -> Result<Vec<F::Outcome>, DbError> {
        let mut attempt = 1;
        loop {
            match self.flush.flush(jobs).await {
                Err(e) if e.severity() == Severity::Contention && attempt < ATTEMPTS => {
                    tokio::time::sleep(Duration::from_millis(5 << attempt)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "a queue holds a few thousand jobs")]
fn to_f64(n: usize) -> f64 {
    n as f64
}
