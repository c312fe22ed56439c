//! One bad job, a full queue, what gathers during a flush.

use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::result::Error;
use tokio::sync::Semaphore;

use super::*;

/// Fails every batch that holds an odd number, for good.
struct EvenOnly {
    gate: Arc<Semaphore>,
    flushes: Arc<AtomicUsize>,
}

impl Flush for EvenOnly {
    type Job = u32;
    type Outcome = u32;

    fn flush<'a>(&'a self, jobs: &'a [u32]) -> BoxFuture<'a, Result<Vec<u32>, DbError>> {
        Box::pin(async move {
            let _permit = self.gate.acquire().await.unwrap();
            self.flushes.fetch_add(1, Ordering::SeqCst);
            if jobs.iter().any(|n| n % 2 == 1) {
                return Err(DbError::Query(Error::NotFound));
            }
            Ok(jobs.iter().map(|n| n * 10).collect())
        })
    }
}

fn writer(permits: usize, limits: Limits) -> (Batcher<EvenOnly>, Arc<Semaphore>, Arc<AtomicUsize>) {
    let (gate, flushes) = (Arc::new(Semaphore::new(permits)), Arc::new(AtomicUsize::new(0)));
    let flush = EvenOnly { gate: gate.clone(), flushes: flushes.clone() };
    (Batcher::start("test", flush, limits, &Handle::current()), gate, flushes)
}

#[tokio::test]
async fn one_bad_job_harms_no_other() {
    let (batcher, ..) = writer(1, Limits::default());
    let all = (0..100).map(|n| if n == 42 { 43 } else { n * 2 });
    let outcomes = futures_util::future::join_all(all.map(|n| batcher.submit(n))).await;
    let failed: Vec<_> = outcomes.iter().enumerate().filter(|(_, o)| o.is_err()).collect();
    assert_eq!(failed, [(42, &Err(SubmitError::Failed))]);
    assert_eq!(outcomes[99], Ok(1980));
}

#[tokio::test]
async fn what_gathers_during_a_flush_goes_into_the_next_one() {
    let (batcher, gate, flushes) = writer(0, Limits::default());
    let jobs = futures_util::future::join_all((0..50).map(|n| batcher.submit(n * 2)));
    let (outcomes, ()) = futures_util::join!(jobs, async {
        gate.add_permits(1);
    });
    assert!(outcomes.iter().all(Result::is_ok));
    assert!(flushes.load(Ordering::SeqCst) <= 2, "fifty jobs in at most two flushes");
}

#[tokio::test]
async fn what_others_are_about_to_bring_goes_into_the_same_flush() {
    let (batcher, _, flushes) = writer(9, Limits::default());
    let mut first = Box::pin(batcher.submit(0));
    // the writer is woken, and would run before those who come now
    assert!(futures_util::poll!(&mut first).is_pending());
    let others = (2..12).map(|n| {
        let batcher = batcher.clone();
        tokio::spawn(async move { batcher.submit(n * 2).await })
    });
    let (first, others) = futures_util::join!(first, futures_util::future::join_all(others));
    assert!(first.is_ok() && others.into_iter().all(|outcome| outcome.unwrap().is_ok()));
    assert_eq!(flushes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let (batcher, gate, _) = writer(0, Limits { queue: 2, batch: 1, writers: 1 });
    let jobs = futures_util::future::join_all((0..8).map(|n| batcher.submit(n * 2)));
    let (outcomes, ()) = futures_util::join!(jobs, async {
        gate.add_permits(8);
    });
    let refused = outcomes.iter().filter(|o| **o == Err(SubmitError::Full)).count();
    assert_eq!(refused, 6, "two wait, the others are refused");
}
