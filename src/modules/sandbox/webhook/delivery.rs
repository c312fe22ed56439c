//! The delivery of webhooks. Several replicas share the work: each borrows due events for the time
//! of a lease, sends them, and notes what became of them in batches.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        error::SandboxError,
        repo::{self, Claimed, Outcome},
        service::SandboxBank,
    },
    post::Post,
};
use crate::kernel::clock;

/// How fast the worker works.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Events under way at once.
    pub in_flight: usize,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How long events stay borrowed: more than `timeout`, or they are sent twice.
    pub lease: Duration,
    /// How often is looked for due events when nothing wakes the worker, not even a lookout.
    pub poll: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            in_flight: 64,
            timeout: Duration::from_secs(10),
            lease: Duration::from_secs(20),
            poll: Duration::from_secs(1),
        }
    }
}

/// Two looks for due events are at least this far apart, so that a burst is taken in batches.
const GATHER: Duration = Duration::from_millis(4);

/// How often is looked for holds that ended.
const EXPIRY: Duration = Duration::from_secs(30);

/// Seconds to wait after the first, second, … failed attempt; then an hour each.
const BACKOFF: [i64; 6] = [1, 2, 5, 15, 60, 300];

/// An event this old is given up; it stays in the bank's list of events.
const GIVE_UP: TimeDelta = TimeDelta::hours(24);

/// Sends the bank's webhooks and ends its holds, until it is told to stop.
pub struct DeliveryWorker {
    bank: SandboxBank,
    post: Post,
    pace: Pace,
}

impl DeliveryWorker {
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(bank: SandboxBank, pace: Pace) -> reqwest::Result<Self> {
        let post = Post::new(bank.webhook_url(), bank.keys().clone(), pace.timeout)?;
        Ok(Self { bank, post, pace })
    }

    /// Runs until the token is cancelled; what is under way is then brought to its end.
    pub async fn run(&self, token: CancellationToken) {
        let (done, mut outcomes) = mpsc::channel(self.pace.in_flight);
        let mut flights = Flights::new(done, self.post.clone(), self.pace.in_flight);
        let (mut poll, mut expiry) = (ticks(self.pace.poll), ticks(EXPIRY));
        let (mut batch, mut more) = (Vec::new(), false);
        let mut looked = Instant::now();
        loop {
            let look = tokio::select! {
                () = token.cancelled() => break,
                landed = outcomes.recv_many(&mut batch, self.pace.in_flight) => {
                    flights.land(landed);
                    self.mark(&mut batch).await || more
                }
                () = self.bank.woken() => true,
                _ = poll.tick() => true,
                _ = expiry.tick() => { self.expire().await; false }
            };
            if look {
                sleep_until(looked + GATHER).await;
                looked = Instant::now();
                more = self.claim(&mut flights).await;
            }
        }
        // no more senders than flights: when the last has landed, there is nothing to wait for
        let Flights { running, done, .. } = flights;
        drop(done);
        while outcomes.recv_many(&mut batch, self.pace.in_flight).await > 0 {
            self.mark(&mut batch).await;
        }
        drop(running);
    }

    /// Fills the free places with due events; says whether more may be due than there were places.
    async fn claim(&self, flights: &mut Flights) -> bool {
        if flights.free == 0 {
            return true;
        }
        match self.borrow(flights.free).await {
            Ok(claimed) => {
                for event in claimed {
                    flights.start(event);
                }
                flights.free == 0
            }
            Err(error) => {
                tracing::warn!(%error, "sandbox webhooks cannot be read");
                false
            }
        }
    }

    async fn borrow(&self, free: usize) -> Result<Vec<Claimed>, SandboxError> {
        let mut conn = self.bank.database().conn().await?;
        let now = clock::now();
        let limit = i64::try_from(free).unwrap_or(i64::MAX);
        Ok(repo::claim_due(&mut conn, now, now + self.pace.lease, limit).await?)
    }

    /// Stores what became of the events; says whether others may be due now. When it cannot be
    /// stored, the lease ends and they are sent again: at least once.
    async fn mark(&self, batch: &mut Vec<Outcome>) -> bool {
        let outcomes = std::mem::take(batch);
        let stored: Result<usize, SandboxError> = async {
            let mut conn = self.bank.database().conn().await?;
            Ok(repo::mark(&mut conn, &outcomes, clock::now()).await?)
        }
        .await;
        match stored {
            Ok(released) => released > 0,
            Err(error) => {
                tracing::warn!(%error, "outcomes of sandbox webhooks cannot be stored");
                false
            }
        }
    }

    async fn expire(&self) {
        if let Err(error) = self.bank.release_expired_holds(clock::now()).await {
            tracing::warn!(%error, "ended holds cannot be released");
        }
    }
}

/// The events under way. Dropped with the worker, they stop; their leases then end.
struct Flights {
    running: JoinSet<()>,
    done: mpsc::Sender<Outcome>,
    post: Post,
    /// How many more may start.
    free: usize,
}

impl Flights {
    fn new(done: mpsc::Sender<Outcome>, post: Post, free: usize) -> Self {
        Self { running: JoinSet::new(), done, post, free }
    }

    fn start(&mut self, event: Claimed) {
        self.free = self.free.saturating_sub(1);
        let (post, done) = (self.post.clone(), self.done.clone());
        self.running.spawn(async move {
            let acknowledged = post.send(&event).await;
            let label = if acknowledged { "acknowledged" } else { "failed" };
            metrics::counter!("sandbox_webhook_attempts_total", "outcome" => label).increment(1);
            let next = if acknowledged { None } else { next_attempt(&event, clock::now()) };
            let outcome = Outcome { event_id: event.event_id, acknowledged, next_attempt_at: next };
            // nobody listens only when the worker was dropped; the lease ends then
            let _ = done.send(outcome).await;
        });
    }

    /// So many have come to their end.
    fn land(&mut self, landed: usize) {
        self.free += landed;
        while self.running.try_join_next().is_some() {}
    }
}

fn next_attempt(event: &Claimed, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let failed = usize::try_from(event.attempts).unwrap_or(1).saturating_sub(1);
    let next = now + TimeDelta::seconds(BACKOFF.get(failed).copied().unwrap_or(3600));
    (next - event.created_at < GIVE_UP).then_some(next)
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bank_waits_longer_each_time_and_gives_up_after_a_day() {
        let now = clock::now();
        let event = |attempts, age| Claimed {
            event_id: "evt_1".into(),
            body: String::new(),
            trace_context: None,
            copies: 1,
            attempts,
            created_at: now - TimeDelta::minutes(age),
        };
        let wait = |attempts, age| {
            next_attempt(&event(attempts, age), now).map(|t| (t - now).num_seconds())
        };
        let waits: Vec<_> = (1..=8).map(|n| wait(n, 0)).collect();
        assert_eq!(waits, [1, 2, 5, 15, 60, 300, 3600, 3600].map(Some));
        assert_eq!((wait(20, 22 * 60), wait(20, 23 * 60)), (Some(3600), None));
    }
}
