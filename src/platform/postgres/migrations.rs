//! The schema, compiled in. Replicas that start together migrate one at a time.

use std::time::Duration;

use anyhow::anyhow;
use diesel::{QueryResult, QueryableByName, sql_types::Bool};
use diesel_async::{AsyncMigrationHarness, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Connection, Database};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// The advisory lock under which one replica migrates while the others wait.
const LOCK: i64 = 0x6361_7265_666f_7261;

/// How often a replica asks whether it is its turn.
const AGAIN: Duration = Duration::from_millis(200);

/// Runs what is not applied yet and returns the names. Needs a multi-thread runtime.
pub async fn migrate(database: &Database) -> anyhow::Result<Vec<String>> {
    let mut conn = database.conn().await?;
    // building an index may take as long as it takes; waiting for a lock may not, since whoever
    // comes after us waits too
    conn.batch_execute("SET statement_timeout = 0; SET lock_timeout = '5s'").await?;
    wait_for_turn(&mut conn).await?;
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

/// Asks again and again instead of waiting inside a statement: a waiting statement has a snapshot,
/// and another replica's `CREATE INDEX CONCURRENTLY` would wait for that, and we for it.
async fn wait_for_turn(conn: &mut Connection) -> QueryResult<()> {
    #[derive(QueryableByName)]
    struct Turn {
        #[diesel(sql_type = Bool)]
        ours: bool,
    }
    let ask = format!("SELECT pg_try_advisory_lock({LOCK}) AS ours");
    while !diesel::sql_query(&ask).get_result::<Turn>(conn).await?.ours {
        tokio::time::sleep(AGAIN).await;
    }
    Ok(())
}
