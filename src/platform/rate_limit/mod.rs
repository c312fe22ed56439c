//! How often somebody may ask.
//!
//! Every subject (an address, an API key, an account seen from an address, a card) has a bucket in
//! each class that concerns it: full at first, emptied by requests, refilled evenly. The buckets of
//! this process are asked first, without waiting: what they refuse, all replicas together would
//! refuse too. Then, where there is a Redis, its bucket decides for all replicas, in one round trip
//! bounded by 50 ms, and ours takes over its state. If Redis fails, ours decides alone, and Redis
//! is left alone for a second, so that its trouble is not everybody's.

mod bucket;
mod local;

use std::{
    net::IpAddr,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use deadpool_redis::redis::Script;
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub use bucket::{Quota, Standing};

use super::cache::RedisPool;
use crate::kernel::address::network;
use local::Local;

/// How long Redis is left alone after it has failed.
const REST: Duration = Duration::from_secs(1);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Requests of an address that only read,
    Reads,
    /// and those that write.
    Writes,
    /// Requests with an API key.
    ApiKey,
    /// Keys that nobody has, by the address that tries them.
    UnknownKeys,
    /// Sign-ins and the like, by address and account.
    Account,
    /// Payments from an address,
    PaymentsOfAddress,
    /// with the API keys of a user,
    PaymentsOfUser,
    /// and with a card, or what a provider has like it.
    PaymentsOfSource,
}

impl Class {
    const fn name(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Writes => "writes",
            Self::ApiKey => "api_key",
            Self::UnknownKeys => "unknown_keys",
            Self::Account => "account",
            Self::PaymentsOfAddress => "payments_of_address",
            Self::PaymentsOfUser => "payments_of_user",
            Self::PaymentsOfSource => "payments_of_source",
        }
    }
}

/// Whose bucket it is. Secrets and e-mail addresses go in as hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    class: Class,
    subject: u128,
}

impl Key {
    pub fn address(class: Class, address: IpAddr) -> Self {
        let subject = match network(address) {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        Self { class, subject }
    }

    pub fn id(class: Class, id: Uuid) -> Self {
        Self { class, subject: id.as_u128() }
    }

    /// An account, by its e-mail in normal form, seen from this address.
    pub fn account(address: IpAddr, email: &str) -> Self {
        Self::words(Class::Account, &[&network(address).to_string(), email])
    }

    /// Words without line breaks.
    pub fn words(class: Class, words: &[&str]) -> Self {
        let digest = Sha256::digest(words.join("\n"));
        let subject = digest.iter().take(16).fold(0, |bits, byte| bits << 8 | u128::from(*byte));
        Self { class, subject }
    }
}

/// The limit of each class.
#[derive(Debug, Clone, Copy)]
pub struct Quotas {
    pub reads: Quota,
    pub writes: Quota,
    pub api_key: Quota,
    pub account: Quota,
    pub payments_of_address: Quota,
    pub payments_of_user: Quota,
    pub payments_of_source: Quota,
}

impl Quotas {
    fn of(&self, class: Class) -> &Quota {
        match class {
            Class::Reads => &self.reads,
            Class::Writes | Class::UnknownKeys => &self.writes,
            Class::ApiKey => &self.api_key,
            Class::Account => &self.account,
            Class::PaymentsOfAddress => &self.payments_of_address,
            Class::PaymentsOfUser => &self.payments_of_user,
            Class::PaymentsOfSource => &self.payments_of_source,
        }
    }
}

/// Counts, for all who share it.
#[derive(Clone)]
pub struct RateLimiter(Arc<Shared>);

struct Shared {
    quotas: Quotas,
    local: Local,
    redis: Option<RedisPool>,
    started: Instant,
    /// In milliseconds since `started`.
    redis_rests_until: AtomicU64,
}

impl RateLimiter {
    pub fn new(quotas: Quotas, redis: Option<RedisPool>) -> Self {
        Self(Arc::new(Shared {
            quotas,
            local: Local::new(),
            redis,
            started: Instant::now(),
            redis_rests_until: AtomicU64::new(0),
        }))
    }

    /// Counts a request, and says whether it is granted.
    pub async fn spend(&self, key: Key) -> Standing {
        let quota = self.0.quotas.of(key.class);
        let mut standing = self.0.local.spend(key, quota);
        if standing.retry_after.is_none()
            && let Some((granted, missing)) = self.spend_shared(key, quota).await
        {
            self.0.local.adopt(key, missing);
            standing = quota.standing(missing, granted);
        }
        if standing.retry_after.is_some() {
            metrics::counter!("rate_limited_total", "class" => key.class.name()).increment(1);
        }
        standing
    }

    /// How somebody stands with this process, without counting anything.
    pub fn peek(&self, key: Key) -> Standing {
        self.0.local.peek(key, self.0.quotas.of(key.class))
    }

    /// Whether it is granted, and what is missing then; `None` when Redis does not say.
    async fn spend_shared(&self, key: Key, quota: &Quota) -> Option<(bool, u64)> {
        let redis = self.0.redis.as_ref()?;
        let now = u64::try_from(self.0.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if now < self.0.redis_rests_until.load(Ordering::Relaxed) {
            return None;
        }
        let mut call = SPEND.prepare_invoke();
        call.key(format!("rate:{}:{:032x}", key.class.name(), key.subject));
        call.arg(quota.interval).arg(quota.period);
        let answer = redis.script::<(bool, u64)>(&call).await;
        if answer.is_none() {
            let rest = u64::try_from(REST.as_millis()).unwrap_or(u64::MAX);
            self.0.redis_rests_until.store(now.saturating_add(rest), Ordering::Relaxed);
        }
        answer
    }
}

/// The same arithmetic as [`Quota::spend`], by the clock of Redis, which is one for all replicas.
static SPEND: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local missing = math.max(0, tonumber(redis.call('GET', KEYS[1]) or '0') - now)
local after = missing + tonumber(ARGV[1])
if after > tonumber(ARGV[2]) then return {0, missing} end
redis.call('SET', KEYS[1], string.format('%.0f', now + after), 'PX', math.ceil(after / 1000))
return {1, after}",
    )
});
