//! The loops of a replica. The sequencer's is the only one that polls: it tells the consumers'
//! when there is something to do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    backoff::Backoff,
    consumer::{Consumer, ConsumerError},
    runtime::Shared,
    sequencer, upkeep,
};
use crate::platform::postgres::DbError;

/// Tells one consumer's loop to work.
#[derive(Default)]
pub(super) struct Signal {
    wake: Notify,
    due: AtomicBool,
}

/// Moves events into the log, and looks for work that nobody told of.
pub(super) struct SequencerLoop {
    shared: Arc<Shared>,
    signals: Vec<Arc<Signal>>,
    polled: Option<Instant>,
    idle_tick: Duration,
}

/// Applies events to one consumer.
pub(super) struct ConsumerLoop {
    shared: Arc<Shared>,
    consumer: Arc<dyn Consumer>,
    signal: Arc<Signal>,
    /// Halved by a transient failure, which may be a statement that took too long.
    window: i64,
    backoff: Backoff,
}

/// Samples, sweeps, expires.
pub(super) struct UpkeepLoop {
    shared: Arc<Shared>,
}

impl SequencerLoop {
    pub fn new(shared: Arc<Shared>, signals: Vec<Arc<Signal>>) -> Self {
        let idle_tick = shared.config.idle_tick;
        Self { shared, signals, polled: None, idle_tick }
    }

    pub async fn run(mut self, token: CancellationToken) {
        let mut backoff = Backoff::default();
        let mut told = true;
        while !token.is_cancelled() {
            let started = Instant::now();
            match self.turn(told).await {
                Ok(moved) => {
                    backoff.succeeded();
                    if moved >= i64::from(self.shared.config.sequencer_batch) {
                        continue;
                    }
                    told = moved > 0 || (told && self.defers()) || self.told(&token, started).await;
                    self.pace(told);
                    let next = started + self.shared.config.busy_tick;
                    tokio::select! {
                        () = token.cancelled() => {}
                        () = sleep_until(next) => {}
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "sequencing failed; trying again");
                    pause(&token, backoff.failed()).await;
                }
            }
        }
    }

    /// Whether somebody woke the bus before the idle tick.
    async fn told(&self, token: &CancellationToken, started: Instant) -> bool {
        tokio::select! {
            () = token.cancelled() => false,
            () = self.shared.bus.woken() => true,
            () = sleep_until(started + self.idle_tick) => false,
        }
    }

    /// The longer nothing happens, the less often is looked.
    fn pace(&mut self, told: bool) {
        let config = &self.shared.config;
        self.idle_tick = if told {
            config.idle_tick
        } else {
            (self.idle_tick * 2).min(config.longest_idle_tick).max(config.idle_tick)
        };
    }

    /// Sequences if there is reason to believe that there is something, and nobody else is at it;
    /// polls if there was nothing, or the last poll is long ago (a busy bus has parked events too,
    /// and another replica's consumers may be behind).
    async fn turn(&mut self, told: bool) -> Result<i64, DbError> {
        let deferring = self.is_left_to_another();
        let mut moved = if told && !deferring { self.sequence().await? } else { 0 };
        let config = &self.shared.config;
        let enough = if deferring { config.longest_idle_tick } else { config.idle_tick };
        let recent = self.polled.is_some_and(|at| at.elapsed() < enough);
        if !recent || (moved == 0 && !deferring) {
            self.polled = Some(Instant::now());
            if self.poll().await? && moved == 0 && !deferring {
                moved = self.sequence().await?;
            }
        }
        Ok(moved)
    }

    /// Leaves what is to be done to another replica, if one is at it, and tells it so.
    fn defers(&self) -> bool {
        let deferring = self.is_left_to_another();
        if deferring {
            self.shared.bus.tell_peers();
        }
        deferring
    }

    fn is_left_to_another(&self) -> bool {
        self.shared.bus.is_left_to_another(self.shared.config.deference)
    }

    async fn sequence(&self) -> Result<i64, DbError> {
        let pass = self.shared.sequence(false).await?;
        if pass.moved > 0 {
            for (consumer, signal) in self.shared.consumers.iter().zip(&self.signals) {
                // to claim and move all cursors for events of others costs more than all else on a
                // busy bus; the poll sees to them now and then
                if consumer.event_types().iter().any(|t| pass.types.iter().any(|m| m == t)) {
                    signal.wake.notify_one();
                }
            }
            self.shared.bus.tell_peers();
        }
        Ok(pass.moved)
    }

    async fn poll(&self) -> Result<bool, DbError> {
        let names = self.shared.names();
        let mut conn = self.shared.database.conn().await?;
        let poll = sequencer::poll(&mut conn, &names).await?;
        for (name, signal) in names.iter().zip(&self.signals) {
            let due = poll.due.iter().any(|due| due == name);
            if due {
                signal.due.store(true, Ordering::Relaxed);
            }
            if due || poll.behind.iter().any(|behind| behind == name) {
                signal.wake.notify_one();
            }
        }
        Ok(poll.waiting)
    }
}

impl ConsumerLoop {
    pub fn new(shared: Arc<Shared>, consumer: Arc<dyn Consumer>, signal: Arc<Signal>) -> Self {
        let window = shared.config.window;
        Self { shared, consumer, signal, window, backoff: Backoff::default() }
    }

    pub async fn run(mut self, token: CancellationToken) {
        loop {
            tokio::select! {
                () = token.cancelled() => return,
                () = self.signal.wake.notified() => {}
            }
            let started = Instant::now();
            self.catch_up(&token).await;
            let next = started + self.shared.config.busy_tick;
            tokio::select! {
                () = token.cancelled() => return,
                () = sleep_until(next) => {}
            }
        }
    }

    async fn catch_up(&mut self, token: &CancellationToken) {
        while !token.is_cancelled() {
            match self.turn().await {
                Ok(more) => {
                    self.backoff.succeeded();
                    self.window = (self.window * 2).min(self.shared.config.window);
                    if !more {
                        return;
                    }
                }
                Err(error) => {
                    let consumer = self.consumer.name();
                    tracing::warn!(consumer, %error, "consuming failed; trying again");
                    self.window = (self.window / 2).max(1);
                    pause(token, self.backoff.failed()).await;
                }
            }
        }
    }

    /// One pass; true when there is more to do at once.
    async fn turn(&mut self) -> Result<bool, ConsumerError> {
        let pass = self.shared.pass(&*self.consumer, self.window).await?;
        let mut applied = pass.applied;
        if self.signal.due.swap(false, Ordering::Relaxed) {
            applied += self.shared.retry(&*self.consumer).await?;
        }
        if applied > 0 {
            // what it published in turn
            self.shared.bus.wake();
        }
        Ok(pass.more)
    }
}

impl UpkeepLoop {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub async fn run(self, token: CancellationToken) {
        let mut sweep_at = Instant::now();
        while !token.is_cancelled() {
            if Instant::now() >= sweep_at {
                sweep_at = Instant::now() + self.shared.config.sweep_every;
                if let Err(error) = self.sweep().await {
                    tracing::warn!(%error, "sweeping the bus failed; next time");
                }
            }
            if let Err(error) = self.sample().await {
                tracing::warn!(%error, "sampling the bus failed; next time");
            }
            pause(&token, self.shared.config.sample_every).await;
        }
    }

    /// Looks at the whole outbox, and drops what the log need not keep.
    async fn sweep(&self) -> Result<(), DbError> {
        let batch = i64::from(self.shared.config.sequencer_batch);
        while self.shared.sequence(true).await?.moved == batch {}
        let mut conn = self.shared.database.conn().await?;
        let dropped = upkeep::expire(&mut conn, self.shared.config.retention).await?;
        if dropped > 0 {
            tracing::info!(dropped, "partitions of the event log expired");
        }
        Ok(())
    }

    async fn sample(&self) -> Result<(), DbError> {
        let mut conn = self.shared.database.conn().await?;
        Ok(upkeep::sample(&mut conn, &self.shared.names()).await?)
    }
}

/// Waits, unless the bus is to stop.
async fn pause(token: &CancellationToken, wait: Duration) {
    tokio::select! {
        () = token.cancelled() => {}
        () = sleep(wait) => {}
    }
}
