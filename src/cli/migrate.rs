//! `careforall migrate`: the schema, without a server.

use anyhow::Context;
use secrecy::ExposeSecret;
use tokio::{runtime::Handle, task::spawn_blocking};

use crate::{
    config::Config,
    platform::{
        embedded_postgres::{EmbeddedPostgres, Found, Options},
        postgres::{Database, migrate},
    },
};

/// Applies what is not applied yet, on `DATABASE_URL` or, without it, on the embedded Postgres.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    if let Some(url) = &config.database.url {
        return apply(url.expose_secret()).await;
    }
    let options = Options::new(&config.embedded.data_dir);
    let found = spawn_blocking(move || EmbeddedPostgres::find_or_start(&options)).await??;
    let postgres = match found {
        Found::Own(postgres) => postgres,
        Found::Guest(guest) => return apply(&guest.url("careforall")).await,
    };
    postgres.create_database_if_absent("careforall").await?;
    let outcome = apply(&postgres.url("careforall")).await;
    let stopped = spawn_blocking(move || postgres.stop()).await?;
    outcome.and(stopped)
}

async fn apply(url: &str) -> anyhow::Result<()> {
    let database = Database::new(url, 1, Handle::current())?;
    let applied = migrate(&database).await.context("cannot migrate")?;
    match applied.as_slice() {
        [] => println!("the schema is up to date"),
        names => println!("applied {}: {}", names.len(), names.join(", ")),
    }
    Ok(())
}
