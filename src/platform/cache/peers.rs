//! Which replica's bus is at work, by Redis publish/subscribe. What is said may be lost.

use std::time::Duration;

use deadpool_redis::redis;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::RedisPool;
use crate::platform::event_bus::{EventBus, Peers};

const CHANNEL: &str = "careforall:at-work";
const RECONNECT: Duration = Duration::from_secs(2);

struct Speaker(mpsc::Sender<u64>);

impl Peers for Speaker {
    fn tell(&self, who: u64) {
        // a full channel says it already
        let _ = self.0.try_send(who);
    }
}

/// What the bus calls when it is at work. Publishes from a task of its own.
pub fn peers(redis: RedisPool) -> impl Peers {
    let (sender, mut said) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(who) = said.recv().await {
            redis.publish(CHANNEL, who).await;
        }
    });
    Speaker(sender)
}

/// Tells the bus what other replicas say, until told to stop.
pub async fn listen_to_peers(redis: RedisPool, bus: EventBus, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = stop.run_until_cancelled(listen(&redis, &bus)).await.unwrap_or(Ok(())) {
            tracing::debug!(%error, "other replicas are not heard; each bus does all the work");
        }
        stop.run_until_cancelled(tokio::time::sleep(RECONNECT)).await;
    }
}

async fn listen(redis: &RedisPool, bus: &EventBus) -> redis::RedisResult<()> {
    let mut subscription = redis::Client::open(redis.url())?.get_async_pubsub().await?;
    subscription.subscribe(CHANNEL).await?;
    let mut messages = subscription.on_message();
    while let Some(message) = messages.next().await {
        bus.heard(message.get_payload()?);
    }
    Ok(())
}
