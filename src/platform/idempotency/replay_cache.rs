//! Answers of finished requests, close at hand: in Redis when it is configured, so that all
//! replicas share them, in the process otherwise.

use std::{sync::Arc, time::Duration};

use diesel::QueryResult;
use futures_util::future::BoxFuture;
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use super::{IdempotencyKey, Refusal, StoredResponse};
use crate::platform::{
    batching::{Batcher, Flush, Limits},
    cache::RedisPool,
    postgres::{Connection, DbError},
    secrets,
};

/// How long an answer is kept here; Postgres keeps it for a day.
const TTL: Duration = Duration::from_mins(10);

/// The most that the in-process cache holds, in bytes.
const LOCAL_BYTES: u64 = 16 * 1024 * 1024;

/// The secret under which the epoch is kept.
const EPOCH: &str = "replay-epoch";

/// The replay cache. It is asked before Postgres and told after the commit.
#[derive(Clone)]
pub struct ReplayCache {
    store: Store,
    /// Part of every name: what was stored in another epoch is not found.
    epoch: Arc<str>,
}

#[derive(Clone)]
enum Store {
    Local(Cache<[u8; 32], (Vec<u8>, StoredResponse)>),
    Redis { redis: RedisPool, questions: Batcher<Questions> },
}

/// Asks Redis for the answers of many keys at once: nearly all are new, and to ask for each by
/// itself is a twentieth of the work of a gift. Whoever waits, waits for two calls at most.
struct Questions(RedisPool);

impl Flush for Questions {
    type Job = String;
    type Outcome = Option<Vec<u8>>;

    fn flush<'a>(
        &'a self,
        names: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Self::Outcome>, DbError>> {
        Box::pin(async move {
            let found = self.0.get_many(names).await;
            Ok(found.unwrap_or_else(|| vec![None; names.len()]))
        })
    }
}

impl ReplayCache {
    /// With Redis, what it is asked is gathered on `runtime`.
    pub async fn new(
        redis: Option<RedisPool>,
        conn: &mut Connection,
        runtime: &Handle,
    ) -> QueryResult<Self> {
        let epoch = secrets::get_or_create(conn, EPOCH, new_epoch).await?;
        let shared = |redis: RedisPool| {
            let asking = Questions(redis.clone());
            let questions = Batcher::start("replays", asking, Limits::default(), runtime);
            Store::Redis { redis, questions }
        };
        Ok(Self { store: redis.map_or_else(local, shared), epoch: epoch.into() })
    }

    /// Begins a new epoch, for processes that start from now on: the database has been restored
    /// from a backup, and answers of which it knows nothing must not be given again.
    pub async fn begin_epoch(conn: &mut Connection) -> QueryResult<()> {
        secrets::replace(conn, EPOCH, &new_epoch()).await
    }

    /// The answer to a repetition, if it is known here. Fingerprints are compared.
    pub async fn get(&self, key: &IdempotencyKey) -> Option<Refusal> {
        let name = self.name(key);
        let (fingerprint, response) = match &self.store {
            Store::Local(cache) => cache.get(&name)?,
            // whatever goes wrong: Postgres knows
            Store::Redis { questions, .. } => {
                decode(&questions.submit(redis_name(&name)).await.ok()??)?
            }
        };
        let refusal = if fingerprint == key.fingerprint {
            super::count("replayed", 1);
            Refusal::Replay(response)
        } else {
            super::count("reused", 1);
            Refusal::Reused
        };
        Some(refusal)
    }

    /// Remembers answers that have been committed.
    pub async fn put(&self, entries: Vec<(IdempotencyKey, StoredResponse)>) {
        match &self.store {
            Store::Local(cache) => {
                for (key, response) in entries {
                    cache.insert(self.name(&key), (key.fingerprint.to_vec(), response));
                }
            }
            Store::Redis { redis, .. } => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(key, response)| (redis_name(&self.name(key)), encode(key, response)))
                    .collect();
                redis.set_many(&entries, TTL).await;
            }
        }
    }

    /// Scope and key under one hash: keys of any length, and no e-mail address in Redis.
    fn name(&self, key: &IdempotencyKey) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for part in [&*self.epoch, &key.scope] {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
        hasher.update(key.key.as_bytes());
        hasher.finalize().into()
    }
}

fn local() -> Store {
    let cache = Cache::builder()
        .max_capacity(LOCAL_BYTES)
        .weigher(|_, (_, response): &(Vec<u8>, StoredResponse)| {
            u32::try_from(response.body.len() + 128).unwrap_or(u32::MAX)
        })
        .time_to_live(TTL)
        .build();
    Store::Local(cache)
}

fn new_epoch() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}

fn redis_name(name: &[u8; 32]) -> String {
    format!("careforall:replay:{}", hex::encode(name))
}

/// Fingerprint (32 bytes), status (2 bytes, big endian), body.
fn encode(key: &IdempotencyKey, response: &StoredResponse) -> Vec<u8> {
    let mut bytes = key.fingerprint.to_vec();
    bytes.extend(response.status.to_be_bytes());
    bytes.extend(response.body.as_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<(Vec<u8>, StoredResponse)> {
    let (fingerprint, rest) = bytes.split_at_checked(32)?;
    let (status, body) = rest.split_first_chunk::<2>()?;
    let body = String::from_utf8(body.to_vec()).ok()?;
    let status = u16::from_be_bytes(*status);
    Some((fingerprint.to_vec(), StoredResponse { status, body }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(fingerprint: u8) -> IdempotencyKey {
        IdempotencyKey { scope: "user:1".into(), key: "k".into(), fingerprint: [fingerprint; 32] }
    }

    #[tokio::test]
    async fn replays_compare_the_fingerprint() {
        let cache = ReplayCache { store: local(), epoch: "1".into() };
        let response = StoredResponse { status: 201, body: "{}".into() };
        assert_eq!(cache.get(&key(1)).await, None);
        cache.put(vec![(key(1), response.clone())]).await;
        assert_eq!(cache.get(&key(1)).await, Some(Refusal::Replay(response.clone())));
        assert_eq!(cache.get(&key(2)).await, Some(Refusal::Reused));
        assert_eq!(decode(&encode(&key(1), &response)), Some((vec![1; 32], response)));
        let later = ReplayCache { epoch: "2".into(), ..cache };
        assert_eq!(later.get(&key(1)).await, None);
    }
}
