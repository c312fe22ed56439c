//! Answers of finished requests, close at hand: in the process, and in Redis when it is configured,
//! so that replicas share them.

use std::{sync::Arc, time::Duration};

use diesel::QueryResult;
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use super::{IdempotencyKey, Refusal, StoredResponse};
use crate::platform::{cache::RedisPool, postgres::Connection, secrets};

/// How long an answer is kept here; Postgres keeps it for a day.
const TTL: Duration = Duration::from_mins(10);

/// The most that the process keeps, in bytes.
const NEAR_BYTES: u64 = 16 * 1024 * 1024;

/// The secret under which the epoch is kept.
const EPOCH: &str = "replay-epoch";

/// The replay cache. It is told after the commit.
#[derive(Clone)]
pub struct ReplayCache {
    near: Cache<[u8; 32], Finished>,
    redis: Option<RedisPool>,
    /// Part of every name: what was stored in another epoch is not found.
    epoch: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Finished {
    fingerprint: [u8; 32],
    response: StoredResponse,
}

impl ReplayCache {
    pub async fn new(redis: Option<RedisPool>, conn: &mut Connection) -> QueryResult<Self> {
        let epoch = secrets::get_or_create(conn, EPOCH, new_epoch).await?;
        Ok(Self { near: near(), redis, epoch: epoch.into() })
    }

    /// Begins a new epoch, for processes that start from now on: the database has been restored
    /// from a backup, and answers of which it knows nothing must not be given again.
    pub async fn begin_epoch(conn: &mut Connection) -> QueryResult<()> {
        secrets::replace(conn, EPOCH, &new_epoch()).await
    }

    /// The answer to a repetition, if this process has it. It costs nothing to speak of, so that
    /// every request may ask.
    pub fn get_near(&self, key: &IdempotencyKey) -> Option<Refusal> {
        self.near.get(&self.name(key)).map(|known| known.judge(key))
    }

    /// The answer to a repetition, if this process or Redis has it. Redis is a round trip: ask it
    /// about keys that were used before, not about every new one. Whatever goes wrong there,
    /// Postgres knows.
    pub async fn get(&self, key: &IdempotencyKey) -> Option<Refusal> {
        let name = self.name(key);
        if let Some(known) = self.near.get(&name) {
            return Some(known.judge(key));
        }
        let known = Finished::decode(&self.redis.as_ref()?.get(&redis_name(&name)).await?)?;
        self.near.insert(name, known.clone());
        Some(known.judge(key))
    }

    /// Remembers an answer that has been committed.
    pub async fn put(&self, key: &IdempotencyKey, response: &StoredResponse) {
        let name = self.name(key);
        let known = Finished { fingerprint: key.fingerprint, response: response.clone() };
        if let Some(redis) = &self.redis {
            redis.set(&redis_name(&name), &known.encode(), TTL).await;
        }
        self.near.insert(name, known);
    }

    /// The same, of what Postgres said of a used key: few requests are repeated, and those that are,
    /// are repeated again.
    pub async fn put_known(&self, key: &IdempotencyKey, known: &Refusal) {
        if let Refusal::Replay(response) = known {
            self.put(key, response).await;
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

fn near() -> Cache<[u8; 32], Finished> {
    Cache::builder()
        .max_capacity(NEAR_BYTES)
        .weigher(|_, known: &Finished| {
            u32::try_from(known.response.body.len() + 128).unwrap_or(u32::MAX)
        })
        .time_to_live(TTL)
        .build()
}

fn new_epoch() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}

fn redis_name(name: &[u8; 32]) -> String {
    format!("careforall:replay:{}", hex::encode(name))
}

impl Finished {
    fn judge(self, key: &IdempotencyKey) -> Refusal {
        if self.fingerprint == key.fingerprint {
            super::count("replayed", 1);
            Refusal::Replay(self.response)
        } else {
            super::count("reused", 1);
            Refusal::Reused
        }
    }

    /// Fingerprint (32 bytes), status (2 bytes, big endian), body.
    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.fingerprint.to_vec();
        bytes.extend(self.response.status.to_be_bytes());
        bytes.extend(self.response.body.as_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (fingerprint, rest) = bytes.split_first_chunk::<32>()?;
        let (status, body) = rest.split_first_chunk::<2>()?;
        let body = String::from_utf8(body.to_vec()).ok()?;
        let response = StoredResponse { status: u16::from_be_bytes(*status), body };
        Some(Self { fingerprint: *fingerprint, response })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(fingerprint: u8) -> IdempotencyKey {
        IdempotencyKey { scope: "user:1".into(), key: "k".into(), fingerprint: [fingerprint; 32] }
    }

    #[tokio::test]
    async fn replays_compare_the_fingerprint() {
        let cache = ReplayCache { near: near(), redis: None, epoch: "1".into() };
        let response = StoredResponse { status: 201, body: "{}".into() };
        assert_eq!(cache.get(&key(1)).await, None);
        cache.put(&key(1), &response).await;
        assert_eq!(cache.get(&key(1)).await, Some(Refusal::Replay(response.clone())));
        assert_eq!(cache.get_near(&key(2)), Some(Refusal::Reused));
        let known = Finished { fingerprint: [1; 32], response };
        assert_eq!(Finished::decode(&known.encode()), Some(known));
        let later = ReplayCache { epoch: "2".into(), ..cache };
        assert_eq!(later.get(&key(1)).await, None);
    }
}
