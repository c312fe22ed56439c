//! The bus of one replica: what runs it, and what drives it by hand.

use std::{collections::HashSet, sync::Arc};

use anyhow::ensure;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    backoff::Backoff,
    bus::EventBus,
    config::BusConfig,
    consumer::{Consumer, ConsumerError},
    partitions::Partitions,
    pass::{Limits, Pass, pass},
    retry::retry_due,
    sequencer::{self, Sequenced},
    spans, upkeep,
    workers::{ConsumerLoop, SequencerLoop, Signal, UpkeepLoop},
};
use crate::{
    kernel::clock,
    platform::{
        postgres::{Database, DbError},
        telemetry,
    },
};

/// Sequencer, consumers and upkeep of one replica.
pub struct BusRuntime {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub database: Database,
    pub bus: EventBus,
    pub consumers: Vec<Arc<dyn Consumer>>,
    pub config: BusConfig,
}

/// What one round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub sequenced: i64,
    /// How many cursors moved; they move past events of other types too.
    pub moved: usize,
    pub applied: usize,
    pub parked: usize,
}

impl BusRuntime {
    pub fn new(
        database: Database,
        bus: EventBus,
        consumers: Vec<Arc<dyn Consumer>>,
        config: BusConfig,
    ) -> Self {
        Self { shared: Arc::new(Shared { database, bus, consumers, config }) }
    }

    /// Works until `token` is cancelled, and then until the current passes are finished. Waits for
    /// a database that is away.
    ///
    /// # Errors
    /// When two consumers have one name, or the schema is not there.
    pub async fn run(self, token: CancellationToken) -> anyhow::Result<()> {
        let mut backoff = Backoff::default();
        // an alert sees only what grows: the first one is to be growth
        metrics::counter!("outbox_strays_total").increment(0);
        while let Err(error) = self.prepare().await {
            let error = ConsumerError::from(error);
            if !error.is_transient() {
                return Err(error.into());
            }
            tracing::warn!(%error, "the bus cannot start yet");
            tokio::select! {
                () = token.cancelled() => return Ok(()),
                () = tokio::time::sleep(backoff.failed()) => {}
            }
        }
        self.work(token).await
    }

    async fn work(self, token: CancellationToken) -> anyhow::Result<()> {
        let shared = self.shared;
        let signals: Vec<_> =
            shared.consumers.iter().map(|_| Arc::new(Signal::default())).collect();
        let mut tasks = JoinSet::new();
        for (consumer, signal) in shared.consumers.iter().zip(&signals) {
            let worker = ConsumerLoop::new(shared.clone(), consumer.clone(), signal.clone());
            tasks.spawn(worker.run(token.clone()));
        }
        tasks.spawn(SequencerLoop::new(shared.clone(), signals).run(token.clone()));
        tasks.spawn(UpkeepLoop::new(shared).run(token.clone()));
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                // a part of the bus is gone: better to stop the rest than to look alive
                token.cancel();
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Makes the cursors. [`run`](Self::run) does it by itself; `run_once` and `drain` do not.
    pub async fn prepare(&self) -> anyhow::Result<()> {
        let names = self.shared.names();
        let distinct: HashSet<_> = names.iter().collect();
        ensure!(distinct.len() == names.len(), "two consumers have one name: {names:?}");
        let mut conn = self.shared.database.conn().await?;
        Ok(upkeep::register(&mut conn, &names).await?)
    }

    /// One pass of the sequencer, one of each consumer, and one attempt of each parked event that
    /// is due.
    pub async fn run_once(&self) -> Result<Progress, ConsumerError> {
        let mut progress =
            Progress { sequenced: self.shared.sequence(false).await?.moved, ..Progress::default() };
        for consumer in &self.shared.consumers {
            let window = self.shared.config.window;
            let pass = self.shared.pass(&**consumer, window, Partitions::ALL).await?;
            progress.moved += pass.moved;
            progress.parked += pass.parked;
            progress.applied += pass.applied + self.shared.retry(&**consumer).await?;
        }
        Ok(progress)
    }

    /// Rounds until nothing moves: all that is committed has been applied or parked. Parked events
    /// whose time has not come stay.
    pub async fn drain(&self) -> Result<Progress, ConsumerError> {
        let mut total = Progress::default();
        loop {
            let round = self.run_once().await?;
            total.sequenced += round.sequenced;
            total.moved += round.moved;
            total.applied += round.applied;
            total.parked += round.parked;
            if round == Progress::default() {
                return Ok(total);
            }
        }
    }

    /// Drops the partitions of the log that nobody needs; returns how many.
    pub async fn expire(&self) -> anyhow::Result<i32> {
        let mut conn = self.shared.database.conn().await?;
        Ok(upkeep::expire(&mut conn, self.shared.config.retention).await?)
    }
}

impl Shared {
    pub fn names(&self) -> Vec<&'static str> {
        self.consumers.iter().map(|c| c.name()).collect()
    }

    pub async fn sequence(&self, whole: bool) -> Result<Sequenced, DbError> {
        let mut conn = self.database.conn().await?;
        let since = clock::now();
        let pass = sequencer::sequence(&mut conn, self.config.sequencer_batch, whole).await?;
        if pass.moved > 0
            && telemetry::is_exporting()
            && let Err(error) = spans::sequenced(&mut conn, pass.moved, since).await
        {
            tracing::warn!(%error, "the traces of sequenced events lack a step");
        }
        Ok(pass)
    }

    pub async fn pass(
        &self,
        consumer: &dyn Consumer,
        window: i64,
        among: Partitions,
    ) -> Result<Pass, ConsumerError> {
        let mut conn = self.database.conn().await?;
        let limits = Limits {
            window,
            among,
            partitions: self.config.max_partitions,
            first_wait: self.config.parked_backoff,
        };
        let pass = pass(&mut conn, consumer, limits).await?;
        consumed(consumer, pass.applied);
        Ok(pass)
    }

    pub async fn retry(&self, consumer: &dyn Consumer) -> Result<usize, ConsumerError> {
        let applied = retry_due(&self.database, consumer, &self.config).await?;
        consumed(consumer, applied);
        Ok(applied)
    }
}

fn consumed(consumer: &dyn Consumer, events: usize) {
    metrics::counter!("events_consumed_total", "consumer" => consumer.name())
        .increment(events as u64);
}
