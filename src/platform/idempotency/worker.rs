//! Forgetting: finished keys after 24 h. Unfinished ones are never reaped.

use std::time::Duration;

use diesel::{QueryResult, sql_query};
use diesel_async::RunQueryDsl;
use tokio_util::sync::CancellationToken;

use crate::platform::postgres::{Connection, Database};

const PERIOD: Duration = Duration::from_mins(10);

/// Deletes old keys every ten minutes, in chunks, until told to stop.
pub async fn reap(database: Database, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(PERIOD)).await.is_some() {
        let Ok(mut conn) = database.conn().await else { continue };
        match reap_once(&mut conn).await {
            Ok(0) => {}
            Ok(keys) => tracing::info!(keys, "idempotency keys forgotten"),
            Err(error) => tracing::warn!(%error, "idempotency keys could not be forgotten"),
        }
    }
}

async fn reap_once(conn: &mut Connection) -> QueryResult<usize> {
    let mut total = 0;
    loop {
        let deleted = sql_query(
            "DELETE FROM bus.idempotency_key WHERE ctid = ANY (ARRAY(
                 SELECT ctid FROM bus.idempotency_key
                 WHERE finished_at < now() - interval '24 hours' LIMIT 10000
                 FOR UPDATE SKIP LOCKED))",
        )
        .execute(conn)
        .await?;
        total += deleted;
        if deleted == 0 {
            return Ok(total);
        }
    }
}
