//! What the process holds on to: Postgres and Redis.

use std::time::Duration;

use anyhow::Context;
use tokio::{runtime::Handle, task::spawn_blocking, time::Instant};

use super::expose;
use crate::{
    config::Config,
    platform::{
        cache::RedisPool,
        embedded_postgres::{EmbeddedPostgres, Found, Options},
        postgres::{Database, Reads, migrate},
    },
};

/// The name of the database in the embedded cluster.
const DATABASE: &str = "careforall";

pub struct Resources {
    pub database: Database,
    /// For what may be a little old.
    pub reads: Reads,
    pub redis: Option<RedisPool>,
    embedded: Option<EmbeddedPostgres>,
}

impl Resources {
    /// Connects, or starts the embedded Postgres, and brings the schema up to date.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        if let Some(url) = expose(config.database.url.as_ref()) {
            return Self::at(config, url, None).await;
        }
        let options = Options::new(&config.embedded.data_dir);
        let embedded = spawn_blocking(move || EmbeddedPostgres::start(&options)).await??;
        Self::on(config, embedded).await
    }

    /// The same, for a command, which is a guest where a server runs the embedded Postgres.
    pub async fn open_beside(config: &Config) -> anyhow::Result<Self> {
        if let Some(url) = expose(config.database.url.as_ref()) {
            return Self::at(config, url, None).await;
        }
        let options = Options::new(&config.embedded.data_dir);
        match spawn_blocking(move || EmbeddedPostgres::find_or_start(&options)).await?? {
            Found::Own(embedded) => Self::on(config, embedded).await,
            Found::Guest(guest) => Self::at(config, &guest.url(DATABASE), None).await,
        }
    }

    async fn on(config: &Config, embedded: EmbeddedPostgres) -> anyhow::Result<Self> {
        embedded.create_database_if_absent(DATABASE).await?;
        let url = embedded.url(DATABASE);
        Self::at(config, &url, Some(embedded)).await
    }

    async fn at(
        config: &Config,
        url: &str,
        embedded: Option<EmbeddedPostgres>,
    ) -> anyhow::Result<Self> {
        let size = config.database.max_connections.get();
        let database = Database::new(url, size, Handle::current())?
            .waiting(Duration::from_secs(config.database.pool_wait_seconds));
        wait_for(&database, Duration::from_secs(config.database.wait_seconds)).await?;
        if config.database.migrate {
            let applied = migrate(&database).await.context("cannot migrate")?;
            if !applied.is_empty() {
                tracing::info!(migrations = applied.len(), "schema brought up to date");
            }
        }
        let reads = reads(config, &database)?;
        let patience = Duration::from_millis(config.redis.patience_ms.get().into());
        let redis = expose(config.redis.url.as_ref()).map(|url| RedisPool::new(url, patience));
        let redis = redis.transpose().context("REDIS_URL is not a Redis URL")?;
        Ok(Self { database, reads, redis, embedded })
    }

    /// Stops what was started. The database comes last: everything that uses it has ended.
    pub async fn close(self) -> anyhow::Result<()> {
        let Self { database, reads, redis, embedded } = self;
        drop((database, reads, redis));
        match embedded {
            Some(embedded) => spawn_blocking(move || embedded.stop()).await?,
            None => Ok(()),
        }
    }

    pub fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }
}

/// With the read replica, if there is one. It need not be up.
fn reads(config: &Config, primary: &Database) -> anyhow::Result<Reads> {
    let Some(url) = expose(config.database.replica_url.as_ref()) else {
        return Ok(Reads::at_primary(primary.clone()));
    };
    let size = config.database.max_connections.get();
    let replica = Database::new(url, size, Handle::current()).context("DATABASE_REPLICA_URL")?;
    let bound = Duration::from_secs(config.database.replica_max_lag_seconds.get().into());
    Ok(Reads::with_standby(primary.clone(), replica, bound))
}

/// A database that starts beside us (compose) gets some time to come up.
async fn wait_for(database: &Database, patience: Duration) -> anyhow::Result<()> {
    let deadline = Instant::now() + patience;
    loop {
        match database.conn().await {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() >= deadline => {
                return Err(error).context("DATABASE_URL: the database cannot be reached");
            }
            Err(error) => {
                tracing::warn!(%error, "waiting for the database");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }
}
