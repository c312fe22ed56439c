//! Redis as an accelerator. It is never the truth: every call is bounded by 50 ms, and a miss, an
//! error or a time-out all mean "ask Postgres".

mod peers;

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use deadpool_redis::{
    Config, Pool, PoolConfig, Runtime,
    redis::{self, RedisResult, aio::MultiplexedConnection},
};
use futures_util::future::BoxFuture;
use tokio::time::timeout;

pub use peers::{listen_to_peers, peers};

use super::{
    pool::PoolStatus,
    telemetry::{Span, SpanKind, names},
};

/// A pool of Redis connections.
#[derive(Clone)]
pub struct RedisPool {
    pool: Pool,
    url: Arc<str>,
    /// One of the pool's connections, which all share until it fails. What is asked at the same
    /// moment travels together. One for each caller would serve one at a time, and the pool asks
    /// each whether it lives before it lends it: a round trip more.
    shared: Arc<Mutex<Option<MultiplexedConnection>>>,
    patience: Duration,
}

impl RedisPool {
    /// `patience` is the longest that a call may take.
    ///
    /// # Errors
    /// When the URL cannot be read. A server that is away is no error: it may come back.
    pub fn new(url: &str, patience: Duration) -> anyhow::Result<Self> {
        let mut config = Config::from_url(url);
        config.pool = Some(PoolConfig::new(16));
        Ok(Self {
            pool: config.create_pool(Some(Runtime::Tokio1))?,
            url: url.into(),
            shared: Arc::default(),
            patience,
        })
    }

    pub async fn ping(&self) -> bool {
        self.run("PING", redis::cmd("PING")).await.is_some_and(|pong: String| pong == "PONG")
    }

    pub fn status(&self) -> PoolStatus {
        let status = self.pool.status();
        PoolStatus {
            size: status.size,
            available: status.available,
            waiting: status.waiting,
            max_size: status.max_size,
        }
    }

    fn url(&self) -> &str {
        &self.url
    }

    async fn publish(&self, channel: &str, message: u64) {
        let mut command = redis::cmd("PUBLISH");
        command.arg(channel).arg(message);
        self.run::<i64>("PUBLISH", command).await;
    }

    pub async fn get(&self, key: &str) -> Option<Vec<u8>> {
        let mut command = redis::cmd("GET");
        command.arg(key);
        self.run::<Option<Vec<u8>>>("GET", command).await?
    }

    /// Whatever goes wrong costs only speed.
    pub async fn set(&self, key: &str, value: &[u8], ttl: Duration) {
        let mut command = redis::cmd("SET");
        command.arg(key).arg(value).arg("PX").arg(millis(ttl));
        self.run::<()>("SET", command).await;
    }

    /// Sets a value unless a newer version is there already.
    pub async fn set_newer(&self, key: &str, version: i64, value: &[u8], ttl: Duration) {
        let script = redis::Script::new(SET_NEWER);
        let mut call = script.prepare_invoke();
        call.key(key).arg(version).arg(value).arg(millis(ttl));
        self.script::<()>(&call).await;
    }

    /// The value and version that [`Self::set_newer`] stored.
    pub async fn get_versioned(&self, key: &str) -> Option<(i64, Vec<u8>)> {
        let mut command = redis::cmd("HMGET");
        command.arg(key).arg("v").arg("d");
        let (version, data) = self.run::<(Option<i64>, Option<Vec<u8>>)>("HMGET", command).await?;
        Some((version?, data?))
    }

    /// One round trip, once Redis knows the script.
    pub async fn script<T: redis::FromRedisValue + Send>(
        &self,
        call: &redis::ScriptInvocation<'_>,
    ) -> Option<T> {
        self.ask("EVALSHA", |mut conn| async move { call.invoke_async(&mut conn).await }).await
    }

    async fn run<T: redis::FromRedisValue + Send>(
        &self,
        operation: &'static str,
        command: redis::Cmd,
    ) -> Option<T> {
        self.ask(operation, |mut conn| async move { command.query_async(&mut conn).await }).await
    }

    /// What `question` is answered over the shared connection, if it comes in time.
    async fn ask<'a, T, F>(
        &'a self,
        operation: &'static str,
        question: impl FnOnce(MultiplexedConnection) -> F + Send + 'a,
    ) -> Option<T>
    where
        T: Send + 'a,
        F: Future<Output = RedisResult<T>> + Send + 'a,
    {
        let answer = bounded(operation, self.patience, async move {
            let conn = self.connection().await?;
            question(conn).await.ok()
        })
        .await;
        if answer.is_none() {
            // whoever comes next begins anew, over a connection of which the pool knows that it lives
            self.shared().take();
        }
        answer
    }

    async fn connection(&self) -> Option<MultiplexedConnection> {
        let open = self.shared().clone();
        if open.is_some() {
            return open;
        }
        let fresh = self.pool.get().await.ok()?;
        let fresh = MultiplexedConnection::clone(&fresh);
        self.shared().replace(fresh.clone());
        Some(fresh)
    }

    fn shared(&self) -> MutexGuard<'_, Option<MultiplexedConnection>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const SET_NEWER: &str = r"
local have = tonumber(redis.call('HGET', KEYS[1], 'v') or '-1')
if tonumber(ARGV[1]) >= have then
  redis.call('HSET', KEYS[1], 'v', ARGV[1], 'd', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end";

fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)
}

/// The result of `work`, if it comes in time. A miss costs speed only, hence a counter and no log.
///
/// Boxed: the client's futures have 14 KB, and whatever may ask Redis would carry them about with
/// every request, asked or not.
fn bounded<'a, T: Send + 'a>(
    operation: &'static str,
    patience: Duration,
    work: impl Future<Output = Option<T>> + Send + 'a,
) -> BoxFuture<'a, Option<T>> {
    Box::pin(async move {
        let mut span = Span::new(operation, SpanKind::Client);
        let result = timeout(patience, span.scope(work)).await;
        let outcome = match &result {
            Ok(Some(_)) => "ok",
            Ok(None) => "error",
            Err(_) => "timeout",
        };
        span.set(names::DB_SYSTEM_NAME, "redis");
        span.set(names::DB_OPERATION_NAME, operation);
        if outcome != "ok" {
            span.fail(outcome);
        }
        metrics::counter!("redis_calls_total", "outcome" => outcome).increment(1);
        result.ok().flatten()
    })
}
