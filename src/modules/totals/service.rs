//! Reading totals: this process, then Redis, then the read model.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use metrics::Counter;
use moka::future::Cache;

use super::{dto::Source, error::TotalsError, repo, snapshot::Snapshot};
use crate::{
    kernel::{clock, ids::CampaignId, problem::ProblemCode},
    platform::{
        cache::RedisPool,
        postgres::{Database, DbError},
    },
};

/// How long this process answers from memory.
const PROCESS_TTL: Duration = Duration::from_secs(1);

/// How long Redis answers for all replicas: with the above, totals are at most 3 s old.
const REDIS_TTL: Duration = Duration::from_secs(2);

/// Campaigns held in memory, about 1 KiB each.
const CAPACITY: u64 = 8_192;

/// Reads totals. Cloned into every worker; the cache is one per process.
#[derive(Clone)]
pub struct TotalsService {
    database: Database,
    redis: Option<RedisPool>,
    cache: Cache<CampaignId, Arc<Cached>>,
}

enum Cached {
    Known {
        snapshot: Snapshot,
        origin: Source,
    },
    /// No campaign has this id. Drafts are not remembered as unknown: they may be published at any
    /// moment, and their readers expect to see it.
    Unknown,
}

/// An answer and where it came from.
pub struct Answer {
    entry: Arc<Cached>,
    source: Source,
}

impl Answer {
    /// # Errors
    /// [`TotalsError::NotFound`] when there is no such campaign.
    pub fn snapshot(&self) -> Result<(&Snapshot, Source), TotalsError> {
        match &*self.entry {
            Cached::Known { snapshot, .. } => Ok((snapshot, self.source)),
            Cached::Unknown => Err(TotalsError::NotFound),
        }
    }
}

impl TotalsService {
    pub fn new(database: Database, redis: Option<RedisPool>) -> Self {
        let cache = Cache::builder().max_capacity(CAPACITY).time_to_live(PROCESS_TTL).build();
        Self { database, redis, cache }
    }

    /// The totals of a published campaign, at most 3 s old. Requests that miss at the same moment
    /// share one reading.
    ///
    /// # Errors
    /// [`TotalsError`]; that of an unknown campaign may come with the answer.
    pub async fn read(&self, id: CampaignId) -> Result<Answer, TotalsError> {
        if let Some(entry) = self.cache.get(&id).await {
            return Ok(answer(entry, Source::ProcessCache));
        }
        let loaded = self.cache.entry(id).or_try_insert_with(Box::pin(self.load(id))).await;
        let loaded = loaded.map_err(|error| (*error).clone())?;
        let fresh = loaded.is_fresh();
        let entry = loaded.into_value();
        let origin = match &*entry {
            Cached::Known { origin, .. } if fresh => *origin,
            Cached::Unknown if fresh => Source::ReadModel,
            _ => Source::ProcessCache,
        };
        Ok(answer(entry, origin))
    }

    /// The totals as the read model has them now.
    pub async fn read_realtime(&self, id: CampaignId) -> Result<Answer, TotalsError> {
        count("realtime");
        let entry = Arc::new(self.read_model(id).await?);
        Ok(Answer { entry, source: Source::ReadModel })
    }

    async fn load(&self, id: CampaignId) -> Result<Arc<Cached>, TotalsError> {
        let Some(redis) = &self.redis else { return self.read_model(id).await.map(Arc::new) };
        let key = format!("totals:1:{id}");
        let shared = redis.get_versioned(&key).await;
        if let Some(snapshot) = shared.and_then(|(v, data)| Snapshot::from_shared(v, &data)) {
            return Ok(Arc::new(Cached::Known { snapshot, origin: Source::Redis }));
        }
        let entry = self.read_model(id).await?;
        if let Cached::Known { snapshot, .. } = &entry {
            redis.set_newer(&key, snapshot.version, &snapshot.shared(), REDIS_TTL).await;
        }
        Ok(Arc::new(entry))
    }

    async fn read_model(&self, id: CampaignId) -> Result<Cached, TotalsError> {
        let as_of = clock::now();
        let mut conn = self.database.conn().await.map_err(failed)?;
        let found = repo::find(&mut conn, id).await.map_err(failed)?;
        let Some(totals) = found else { return Ok(Cached::Unknown) };
        if !totals.published {
            return Err(TotalsError::NotFound);
        }
        let snapshot = Snapshot::new(&totals, as_of).ok_or_else(unserialisable)?;
        Ok(Cached::Known { snapshot, origin: Source::ReadModel })
    }
}

fn failed(error: impl Into<DbError>) -> TotalsError {
    TotalsError::Failed(error.into().into())
}

fn unserialisable() -> TotalsError {
    tracing::error!("totals could not be serialised");
    let code = ProblemCode::Internal;
    TotalsError::Failed(crate::kernel::problem::Problem::new(code, code.explanation()))
}

fn answer(entry: Arc<Cached>, source: Source) -> Answer {
    match &*entry {
        Cached::Known { .. } => count(source.as_str()),
        Cached::Unknown => count("unknown"),
    }
    Answer { entry, source }
}

/// Nearly all of them; finding a counter by its labels takes as long as finding the answer.
static PROCESS_CACHE: LazyLock<Counter> = LazyLock::new(|| requests(Source::ProcessCache.as_str()));

fn count(outcome: &'static str) {
    if outcome == Source::ProcessCache.as_str() {
        PROCESS_CACHE.increment(1);
    } else {
        requests(outcome).increment(1);
    }
}

fn requests(outcome: &'static str) -> Counter {
    metrics::counter!("cache_requests_total", "cache" => "totals", "outcome" => outcome)
}
