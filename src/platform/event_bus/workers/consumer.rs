//! Applies events when it is told that there are some.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        backoff::Backoff,
        consumer::{Consumer, ConsumerError},
        partitions::Partitions,
        pass::Pass,
        runtime::Shared,
    },
    pause,
    signal::Signal,
};

/// Applies events to one consumer.
pub struct ConsumerLoop {
    shared: Arc<Shared>,
    consumer: Arc<dyn Consumer>,
    signal: Arc<Signal>,
    /// Where it still has to look.
    among: Partitions,
    /// Halved by a transient failure, which may be a statement that took too long.
    window: i64,
    backoff: Backoff,
}

impl ConsumerLoop {
    pub fn new(shared: Arc<Shared>, consumer: Arc<dyn Consumer>, signal: Arc<Signal>) -> Self {
        let window = shared.config.window;
        let among = Partitions::default();
        Self { shared, consumer, signal, among, window, backoff: Backoff::default() }
    }

    pub async fn run(mut self, token: CancellationToken) {
        loop {
            tokio::select! {
                () = token.cancelled() => return,
                () = self.signal.woken() => {}
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
                        self.among = Partitions::default();
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
        self.among.add(self.signal.take());
        let pass = if self.among == Partitions::default() {
            Pass::default()
        } else {
            self.shared.pass(&*self.consumer, self.window, self.among).await?
        };
        let mut applied = pass.applied;
        if self.signal.take_due() {
            applied += self.shared.retry(&*self.consumer).await?;
        }
        if applied > 0 {
            // what it published in turn
            self.shared.bus.wake();
        }
        if pass.elsewhere != Partitions::default() {
            // looked at again after a tick
            self.signal.wake(pass.elsewhere);
        }
        Ok(pass.more)
    }
}
