//! The door: a webhook is acknowledged when it is committed, or was before.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use futures_util::future::BoxFuture;
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::{runtime::Handle, time::timeout};

use super::super::repo::{self, NewInboxRow};
use crate::platform::{
    batching::{Batcher, Flush, Limits, SubmitError},
    postgres::{Connection, Database, DbError},
};

/// What an arriving webhook was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    Accepted,
    /// There already; with another body if `conflict`, in which case the first one stands.
    Duplicate {
        conflict: bool,
    },
}

/// Recently committed events, so that a storm of repetitions does not reach Postgres.
const REMEMBERED: u64 = 50_000;

/// Commits webhooks to the inbox.
#[derive(Clone)]
pub struct Door {
    writer: Batcher<StoreMany>,
    seen: Cache<[u8; 32], [u8; 32]>,
    patience: Duration,
}

impl Door {
    /// Who waits for longer than `patience` at [`Self::admit_in_time`] is refused.
    pub fn new(database: Database, patience: Duration, runtime: &Handle) -> Self {
        let writer =
            Batcher::start("webhook_inbox", StoreMany { database }, Limits::default(), runtime);
        Self { writer, seen: Cache::new(REMEMBERED), patience }
    }

    /// As [`Self::admit`]; `None` when it took too long, in which case it may still be stored.
    ///
    /// # Errors
    /// As [`Self::admit`].
    pub async fn admit_in_time(&self, row: NewInboxRow) -> Result<Option<Arrival>, SubmitError> {
        timeout(self.patience, self.admit(row)).await.ok().transpose()
    }

    /// Returns once the webhook is durable.
    ///
    /// # Errors
    /// Nothing is known to be stored; the provider has to deliver it again.
    pub async fn admit(&self, row: NewInboxRow) -> Result<Arrival, SubmitError> {
        let name = name(&row);
        if let Some(first) = self.seen.get(&name) {
            return Ok(Arrival::Duplicate { conflict: first != row.body_hash });
        }
        let hash = row.body_hash;
        let arrival = self.writer.submit(row).await?;
        if arrival == Arrival::Accepted || arrival == (Arrival::Duplicate { conflict: false }) {
            self.seen.insert(name, hash);
        }
        Ok(arrival)
    }
}

fn name(row: &NewInboxRow) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(row.provider.as_bytes());
    hasher.update([0]);
    hasher.update(row.event_id.as_bytes());
    hasher.finalize().into()
}

struct StoreMany {
    database: Database,
}

impl Flush for StoreMany {
    type Job = NewInboxRow;
    type Outcome = Arrival;

    fn flush<'a>(
        &'a self,
        jobs: &'a [NewInboxRow],
    ) -> BoxFuture<'a, Result<Vec<Arrival>, DbError>> {
        Box::pin(async move {
            let mut conn = self.database.conn().await?;
            Ok(store(&mut conn, jobs).await?)
        })
    }
}

/// One statement stores them, and is a transaction of its own; only of what was there already the
/// hash is looked up, after it.
async fn store(
    conn: &mut Connection,
    jobs: &[NewInboxRow],
) -> Result<Vec<Arrival>, diesel::result::Error> {
    // of equal events in one batch the first is the one that is stored
    let mut keys = HashSet::new();
    let firsts: Vec<&NewInboxRow> =
        jobs.iter().filter(|job| keys.insert((job.provider, &job.event_id))).collect();
    let mut fresh: HashSet<_> = repo::insert_inbox(conn, &firsts).await?.into_iter().collect();
    let stored = if fresh.len() == jobs.len() {
        HashMap::new()
    } else {
        repo::hashes_of(conn, &firsts).await?
    };
    Ok(jobs
        .iter()
        .map(|job| {
            let key = (job.provider.to_owned(), job.event_id.clone());
            if fresh.remove(&key) {
                return Arrival::Accepted;
            }
            let first = stored.get(&key);
            Arrival::Duplicate { conflict: first.is_some_and(|hash| hash[..] != job.body_hash) }
        })
        .collect())
}
