//! Sequences, sweeps, and looks for work that nobody told of.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        backoff::Backoff,
        partitions::Partitions,
        runtime::Shared,
        sequencer::{self, Sequenced},
    },
    pause,
    signal::Signal,
};
use crate::platform::postgres::DbError;

/// Moves events into the log, and looks for work that nobody told of.
pub struct SequencerLoop {
    shared: Arc<Shared>,
    signals: Vec<Arc<Signal>>,
    polled: Option<Instant>,
    swept: Option<Instant>,
    idle_tick: Duration,
}

impl SequencerLoop {
    pub fn new(shared: Arc<Shared>, signals: Vec<Arc<Signal>>) -> Self {
        let idle_tick = shared.config.idle_tick;
        Self { shared, signals, polled: None, swept: None, idle_tick }
    }

    pub async fn run(mut self, token: CancellationToken) {
        let mut backoff = Backoff::default();
        let mut told = true;
        while !token.is_cancelled() {
            let started = Instant::now();
            match self.turn(told).await {
                Ok(pass) => {
                    backoff.succeeded();
                    if self.is_full(&pass) {
                        told = true;
                        continue;
                    }
                    told = pass.moved > 0
                        || pass.skipped
                        || (told && self.defers())
                        || self.told(&token, started).await;
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
    /// sweeps when it is time; polls if the last poll is long ago (a busy bus has parked events too,
    /// and another replica's consumers may be behind).
    async fn turn(&mut self, told: bool) -> Result<Sequenced, DbError> {
        let deferring = self.is_left_to_another();
        let config = &self.shared.config;
        let enough = if deferring { config.longest_idle_tick } else { config.idle_tick };
        let mut pass = if is_over(self.swept, config.sweep_every) {
            self.sweep().await?
        } else if told && !deferring {
            self.sequence(false).await?
        } else {
            Sequenced::default()
        };
        if is_over(self.polled, enough) {
            self.polled = Some(Instant::now());
            if self.poll().await? && pass.moved == 0 && !deferring {
                pass = self.sequence(false).await?;
            }
        }
        Ok(pass)
    }

    /// Sequences what lies below the floor too. Should it fail, it has to wait for the next time:
    /// what lies above must not wait for it.
    async fn sweep(&mut self) -> Result<Sequenced, DbError> {
        let before = self.swept.replace(Instant::now());
        let pass = self.sequence(true).await?;
        // the lowest come first: if all of a batch lay below the floor, there may be more there
        if pass.skipped || pass.strays >= i64::from(self.shared.config.sequencer_batch) {
            self.swept = before;
        }
        Ok(pass)
    }

    /// There may be more.
    fn is_full(&self, pass: &Sequenced) -> bool {
        pass.moved >= i64::from(self.shared.config.sequencer_batch)
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

    async fn sequence(&self, whole: bool) -> Result<Sequenced, DbError> {
        let pass = self.shared.sequence(whole).await?;
        if pass.moved > 0 {
            for (consumer, signal) in self.shared.consumers.iter().zip(&self.signals) {
                // to claim and move cursors past events of others costs more than all else on a busy
                // bus; the poll sees to them now and then
                if consumer.event_types().iter().any(|t| pass.types.iter().any(|m| m == t)) {
                    signal.wake(Partitions::of(&pass.partitions));
                }
            }
            self.shared.bus.tell_peers();
        }
        Ok(pass)
    }

    async fn poll(&self) -> Result<bool, DbError> {
        let names = self.shared.names();
        let mut conn = self.shared.database.conn().await?;
        let poll = sequencer::poll(&mut conn, &names).await?;
        for (name, signal) in names.iter().zip(&self.signals) {
            if poll.due.iter().any(|due| due == name) {
                signal.wake_due();
            }
            if poll.behind.iter().any(|behind| behind == name) {
                signal.wake(Partitions::ALL);
            }
        }
        Ok(poll.waiting)
    }
}

fn is_over(since: Option<Instant>, wait: Duration) -> bool {
    since.is_none_or(|at| at.elapsed() >= wait)
}
