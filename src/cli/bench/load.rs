//! Connections, spread over threads, each doing its rounds: as fast as answers come (closed loop),
//! or each at its due time (open loop).
//!
//! In the open loop a round's latency is counted from when it was due if the connection was still
//! busy then: a server that stands still for a second is charged for all that should have happened
//! in it (coordinated omission). What a timer is late by is the generator's own, and is not.

use std::{
    cell::RefCell,
    io::{IsTerminal, Write},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use tokio::{
    task::{JoinSet, LocalSet},
    time::timeout,
};

use super::{
    ground::Ground,
    tally::{Tally, Window},
    visitor::{Visitor, Work, probe},
};

/// How long the last requests may take after the end.
const PATIENCE: Duration = Duration::from_secs(35);

#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub work: Work,
    pub connections: u32,
    pub threads: u32,
    /// Rounds in a second, of all connections; absent: the closed loop.
    pub rate: Option<f64>,
    pub warm_up: Duration,
    pub duration: Duration,
}

/// Carries out the plan; returns when every connection has its last answer.
pub async fn drive(plan: Plan, ground: &Arc<Ground>) -> anyhow::Result<Tally> {
    let begin = Instant::now();
    let from = begin + plan.warm_up;
    let window = Window { from, until: from + plan.duration };
    let rounds = Arc::new(AtomicU64::new(0));
    let threads: Vec<_> = (0..plan.threads)
        .map(|index| {
            let (ground, rounds) = (ground.clone(), rounds.clone());
            let share = Share { plan, index, begin, window };
            thread::spawn(move || share.work(&ground, &rounds))
        })
        .collect();
    show_progress(begin, window, &rounds).await;
    let mut all = Tally::new(window, ground.campaigns.len());
    for one in threads {
        let one = tokio::task::spawn_blocking(|| one.join()).await?;
        all.merge(one.map_err(|_| anyhow!("a thread of the generator panicked"))??)?;
    }
    Ok(all)
}

/// One line a second on a terminal, nothing elsewhere.
async fn show_progress(begin: Instant, window: Window, rounds: &AtomicU64) {
    let terminal = std::io::stderr().is_terminal();
    let mut before = 0;
    while Instant::now() < window.until {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = rounds.load(Ordering::Relaxed);
        if terminal {
            let phase = if Instant::now() < window.from { "warm-up" } else { "measuring" };
            let at = begin.elapsed().as_secs();
            eprint!("\r{phase}, {at} s: {} rounds in this second   ", now - before);
            // what cannot be shown is not needed
            let _ = std::io::stderr().flush();
        }
        before = now;
    }
    if terminal {
        eprintln!();
    }
}

/// One thread's part.
#[derive(Clone, Copy)]
struct Share {
    plan: Plan,
    index: u32,
    begin: Instant,
    window: Window,
}

impl Share {
    fn work(self, ground: &Arc<Ground>, rounds: &Arc<AtomicU64>) -> anyhow::Result<Tally> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let tally = Rc::new(RefCell::new(Tally::new(self.window, ground.campaigns.len())));
        let all = LocalSet::new();
        runtime.block_on(all.run_until(self.connections(ground, &tally, rounds)))?;
        drop(all);
        let tally = Rc::into_inner(tally).context("a connection is still at work")?;
        Ok(tally.into_inner())
    }

    async fn connections(
        self,
        ground: &Arc<Ground>,
        tally: &Rc<RefCell<Tally>>,
        rounds: &Arc<AtomicU64>,
    ) -> anyhow::Result<()> {
        let mut tasks = JoinSet::new();
        let step = usize::try_from(self.plan.threads)?;
        for number in (self.index..self.plan.connections).step_by(step) {
            let work = self.plan.work;
            let name = usize::try_from(number)?;
            let visitor = Visitor::arrive(work, ground.clone(), name, tally.clone()).await?;
            let pace = Pace::new(self.plan.rate, &self, number);
            tasks.spawn_local(go_round(visitor, pace, work, tally.clone(), rounds.clone()));
        }
        if self.index == 0 {
            for number in 0..ground.probes {
                tasks.spawn_local(probe(ground.clone(), number, tally.clone()));
            }
        }
        let rest = self.window.until.saturating_duration_since(Instant::now()) + PATIENCE;
        let ended = timeout(rest, async { while tasks.join_next().await.is_some() {} }).await;
        if ended.is_err() {
            tasks.shutdown().await;
            tally.borrow_mut().fail(|| "requests without an answer at the end".to_owned());
        }
        Ok(())
    }
}

async fn go_round(
    mut visitor: Visitor,
    mut pace: Pace,
    work: Work,
    tally: Rc<RefCell<Tally>>,
    rounds: Arc<AtomicU64>,
) {
    while let Some(due) = pace.next().await {
        visitor.round(due).await;
        rounds.fetch_add(1, Ordering::Relaxed);
    }
    for due in pace.missed() {
        tally.borrow_mut().never_sent(work.step(), due);
    }
}

/// When the rounds of one connection begin.
struct Pace {
    /// Between two of them; absent: the next begins when the last one ended.
    every: Option<Duration>,
    due: Instant,
    until: Instant,
}

impl Pace {
    fn new(rate: Option<f64>, share: &Share, number: u32) -> Self {
        let every =
            rate.map(|rate| Duration::from_secs_f64(f64::from(share.plan.connections) / rate));
        // the connections take turns
        let part = f64::from(number) / f64::from(share.plan.connections);
        let turn = every.map_or(Duration::ZERO, |every| every.mul_f64(part));
        Self { every, due: share.begin + turn, until: share.window.until }
    }

    /// What the next round's latency is counted from; `None` at the end.
    async fn next(&mut self) -> Option<Instant> {
        let now = Instant::now();
        if now >= self.until {
            return None;
        }
        let Some(every) = self.every else { return Some(now) };
        if self.due >= self.until {
            return None;
        }
        let due = self.due;
        self.due += every;
        if now >= due {
            return Some(due);
        }
        tokio::time::sleep_until(due.into()).await;
        Some(Instant::now())
    }

    /// Rounds that were due and did not even begin.
    fn missed(&self) -> impl Iterator<Item = Instant> {
        let (until, every) = (self.until, self.every);
        let first = every.map(|_| self.due);
        let next = move |due: &Instant| every.map(|every| *due + every);
        std::iter::successors(first, next).take_while(move |due| *due < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(every_ms: u64, due: Instant, until: Instant) -> Pace {
        Pace { every: Some(Duration::from_millis(every_ms)), due, until }
    }

    #[tokio::test]
    async fn a_round_that_the_server_held_up_counts_from_when_it_was_due() {
        let due = Instant::now().checked_sub(Duration::from_millis(500)).unwrap();
        let mut pace = pace(100, due, due + Duration::from_mins(1));
        assert_eq!(pace.next().await, Some(due));
        assert_eq!(pace.next().await, Some(due + Duration::from_millis(100)));
    }

    #[tokio::test]
    async fn what_was_due_and_never_began_is_known() {
        let due = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        let mut pace = pace(100, due, due + Duration::from_millis(950));
        assert_eq!(pace.next().await, None, "the time is over");
        assert_eq!(pace.missed().count(), 10);
        let closed = Pace { every: None, ..pace };
        assert_eq!(closed.missed().count(), 0);
    }
}
