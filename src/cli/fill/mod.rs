//! `careforall fill`: years of gifts in minutes, to measure what size does.
//!
//! Rows are made inside the database, in chunks on a few connections, each written to all the
//! tables at once that a real gift touches, so that all books agree (`careforall reconcile` finds
//! nothing). Indexes other than keys are built at the end, and foreign keys are not checked row by
//! row: what refers and what is referred to come from the same statement.
//!
//! For development, on a database without gifts, with no server at work; needs a superuser. When it
//! is broken off, indexes are missing: drop the database.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use anyhow::{Context, ensure};
use clap::Args;
use diesel::{
    QueryableByName, sql_query,
    sql_types::{BigInt, Text},
};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::{
    app,
    config::{Config, Profile},
    platform::postgres::{Connection, Database, PooledConnection},
};

const FUNCTIONS: &str = include_str!("functions.sql");

/// Long statements, no waiting for the disk at each commit, keys checked by construction.
const SESSION: &str = "\
    SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
    SET synchronous_commit = off; SET session_replication_role = replica; \
    SET work_mem = '128MB'; SET maintenance_work_mem = '512MB'; SET jit = off";

/// The indexes of all tables that are filled, but those that keep a key.
const INDEXES: &str = "\
    SELECT format('%I.%I', n.nspname, i.relname) AS name, pg_get_indexdef(x.indexrelid) AS text \
      FROM pg_index x \
      JOIN pg_class i ON i.oid = x.indexrelid \
      JOIN pg_namespace n ON n.oid = i.relnamespace \
     WHERE n.nspname IN ('campaign', 'pledge', 'payment', 'totals') AND NOT x.indisunique \
     ORDER BY 1";

const CHUNK: u64 = 20_000;

#[derive(Debug, Args)]
pub struct FillArgs {
    /// Gifts, each with a pledge, and nearly all with a payment and its history.
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pledges: u64,
    /// Campaigns that they go to, most of them to a few.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    campaigns: u64,
    /// Connections.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=16))]
    connections: u64,
}

/// Fills the configured database.
///
/// # Errors
/// In production, and where there are gifts already.
pub async fn run(config: &Config, args: &FillArgs) -> anyhow::Result<()> {
    ensure!(config.profile == Profile::Development, "only a development database is filled");
    app::with_own_database(config, async |database| fill(database, args).await).await
}

async fn fill(database: &Database, args: &FillArgs) -> anyhow::Result<()> {
    let begin = Instant::now();
    let mut conn = prepared(database).await?;
    refuse_what_is_used(&mut conn).await?;
    let indexes: Vec<Index> = sql_query(INDEXES).load(&mut *conn).await?;
    for index in &indexes {
        conn.batch_execute(&format!("DROP INDEX {}", index.name)).await?;
    }
    tell(begin, "campaigns");
    let campaigns = sql_query("SELECT pg_temp.fill_campaigns($1)");
    campaigns.bind::<BigInt, _>(signed(args.campaigns)?).execute(&mut *conn).await?;
    fill_gifts(database, args, begin).await?;
    tell(begin, "totals");
    conn.batch_execute("SELECT pg_temp.fill_totals()").await?;
    build(&mut conn, &indexes, begin).await?;
    tell(begin, "VACUUM (FREEZE, ANALYZE)");
    conn.batch_execute("VACUUM (FREEZE, ANALYZE)").await?;
    println!(
        "{} pledges and {} campaigns in {} s",
        args.pledges,
        args.campaigns,
        begin.elapsed().as_secs()
    );
    Ok(())
}

/// A connection that is not given back: its settings are nobody else's.
async fn prepared(database: &Database) -> anyhow::Result<PooledConnection> {
    let mut conn = database.conn().await?;
    conn.batch_execute(SESSION).await.context("this needs a superuser")?;
    conn.batch_execute(FUNCTIONS).await?;
    Ok(conn)
}

async fn refuse_what_is_used(conn: &mut Connection) -> anyhow::Result<()> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let any = sql_query("SELECT count(*) FROM (SELECT FROM pledge.pledges LIMIT 1) p");
    let found: Count = any.get_result(conn).await?;
    ensure!(found.count == 0, "there are gifts in this database: it is left as it is");
    Ok(())
}

#[derive(QueryableByName)]
struct Index {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    text: String,
}

/// Every connection takes the next chunk, so that ids come nearly in their order.
async fn fill_gifts(database: &Database, args: &FillArgs, begin: Instant) -> anyhow::Result<()> {
    let next = AtomicU64::new(0);
    let workers = (0..args.connections).map(|_| async {
        let mut conn = prepared(database).await?;
        loop {
            let first = next.fetch_add(CHUNK, Ordering::Relaxed);
            if first >= args.pledges {
                return anyhow::Ok(());
            }
            let past = args.pledges.min(first + CHUNK);
            sql_query("SELECT pg_temp.fill_gifts($1, $2, $3, $4)")
                .bind::<BigInt, _>(signed(first)?)
                .bind::<BigInt, _>(signed(past)?)
                .bind::<BigInt, _>(signed(args.pledges)?)
                .bind::<BigInt, _>(signed(args.campaigns)?)
                .execute(&mut *conn)
                .await?;
            if past.is_multiple_of(CHUNK * 25) {
                tell(begin, &format!("{past} gifts"));
            }
        }
    });
    futures_util::future::try_join_all(workers).await.map(drop)
}

async fn build(conn: &mut Connection, indexes: &[Index], begin: Instant) -> anyhow::Result<()> {
    for index in indexes {
        tell(begin, &index.name);
        conn.batch_execute(&index.text).await?;
    }
    Ok(())
}

fn tell(begin: Instant, what: &str) {
    eprintln!("{:>5} s  {what}", begin.elapsed().as_secs());
}

fn signed(count: u64) -> anyhow::Result<i64> {
    Ok(i64::try_from(count)?)
}
