//! Forgetting webhooks that are settled: the inbox is a queue, not an archive. What they said stays
//! in the facts and the history, so one that came again after so long would change nothing; what
//! waits for a person stays until it is settled.

use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::super::repo;
use crate::{
    kernel::clock,
    platform::postgres::{Database, DbError},
};

const PERIOD: Duration = Duration::from_mins(10);

/// Ten times as long as providers repeat what was not acknowledged.
const KEEP: TimeDelta = TimeDelta::days(30);

/// Few enough that nobody waits for the locks.
const CHUNK: i64 = 2000;

/// Deletes webhooks that were settled long ago, until told to stop. Replicas share the work.
pub async fn forget_settled(database: Database, stop: CancellationToken) {
    loop {
        match forget(&database, &stop).await {
            Ok(0) => {}
            Ok(webhooks) => tracing::info!(webhooks, "settled webhooks forgotten"),
            Err(error) => tracing::warn!(%error, "settled webhooks could not be forgotten"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(PERIOD)).await.is_none() {
            return;
        }
    }
}

async fn forget(database: &Database, stop: &CancellationToken) -> Result<usize, DbError> {
    let before = clock::now() - KEEP;
    let mut total = 0;
    while !stop.is_cancelled() {
        let mut conn = database.conn().await?;
        let forgotten = repo::forget_settled(&mut conn, before, CHUNK).await?;
        total += forgotten;
        if forgotten == 0 {
            break;
        }
    }
    Ok(total)
}
