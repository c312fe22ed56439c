//! The schema, compiled in. Replicas that start together migrate one at a time.

use anyhow::anyhow;
use diesel_async::{AsyncMigrationHarness, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::Database;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// The advisory lock under which one replica migrates while the others wait.
const LOCK: i64 = 0x6361_7265_666f_7261;

/// Runs what is not applied yet and returns the names. Needs a multi-thread runtime.
pub async fn migrate(database: &Database) -> anyhow::Result<Vec<String>> {
    let mut conn = database.conn().await?;
    // waiting for another replica's migration may take longer than an ordinary statement may
    conn.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0").await?;
    diesel::sql_query(format!("SELECT pg_advisory_lock({LOCK})")).execute(&mut conn).await?;
    let mut harness = AsyncMigrationHarness::new(conn);
    let applied = tokio::task::block_in_place(|| {
        harness
            .run_pending_migrations(MIGRATIONS)
            .map(|versions| versions.iter().map(ToString::to_string).collect())
            .map_err(|e| anyhow!("migration failed: {e}"))
    });
    let mut conn = harness.into_inner();
    diesel::sql_query(format!("SELECT pg_advisory_unlock({LOCK})")).execute(&mut conn).await?;
    // its session settings are not those of the pool's other connections
    drop(diesel_async::pooled_connection::deadpool::Object::take(conn));
    applied
}
