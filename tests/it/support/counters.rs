//! What Postgres counts of a server's work.

use std::time::Duration;

use super::{Server, donation::PATIENCE, wait::eventually};

/// The program's sessions, by the name that it gives them.
const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity
                         WHERE datname = current_database() AND application_name = 'careforall'";

/// Ends the server politely, and waits for its backends: each adds what it has counted to
/// `pg_stat_*` when it ends, which may be after its client has.
pub async fn stop(server: &mut Server) {
    server.sigterm();
    assert!(server.ended(Duration::from_secs(30)).await.success());
    let sql = server.database().client().await;
    eventually(PATIENCE, async || {
        sql.query_one(SESSIONS, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
}
