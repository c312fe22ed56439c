//! Hints between replicas that the bus has work, by Redis publish/subscribe. They may be lost:
//! every replica polls.

use std::time::Duration;

use deadpool_redis::redis;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::RedisPool;
use crate::platform::event_bus::{EventBus, RemoteWake};

const CHANNEL: &str = "careforall:wake";
const RECONNECT: Duration = Duration::from_secs(2);

struct Hints(mpsc::Sender<()>);

impl RemoteWake for Hints {
    fn wake(&self) {
        // a full channel holds a hint already
        let _ = self.0.try_send(());
    }
}

/// What the bus calls when other replicas may help. Publishes from a task of its own.
pub fn wake_hints(redis: RedisPool) -> impl RemoteWake {
    let (sender, mut hints) = mpsc::channel(1);
    tokio::spawn(async move {
        while hints.recv().await.is_some() {
            redis.publish(CHANNEL).await;
        }
    });
    Hints(sender)
}

/// Wakes the bus when another replica says so, until told to stop.
pub async fn listen_for_hints(redis: RedisPool, bus: EventBus, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = stop.run_until_cancelled(listen(&redis, &bus)).await.unwrap_or(Ok(())) {
            tracing::debug!(%error, "no hints from other replicas; polling goes on");
        }
        stop.run_until_cancelled(tokio::time::sleep(RECONNECT)).await;
    }
}

async fn listen(redis: &RedisPool, bus: &EventBus) -> redis::RedisResult<()> {
    let mut subscription = redis::Client::open(redis.url())?.get_async_pubsub().await?;
    subscription.subscribe(CHANNEL).await?;
    let mut messages = subscription.on_message();
    while messages.next().await.is_some() {
        bus.wake();
    }
    Ok(())
}
