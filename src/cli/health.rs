//! `careforall health`: what a container's health check runs, so that an image needs no HTTP client.

use std::time::Duration;

use anyhow::{Context, ensure};

use crate::{app, config::Config};

/// Longer than the server's own patience with its database.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks `/readyz` of the server that has this configuration, on this machine.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    let url = format!("http://{}/readyz", app::reachable(config.http.bind));
    let http = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
    let answer = http.get(&url).send().await.with_context(|| format!("{url} does not answer"))?;
    let status = answer.status();
    let body = answer.text().await?;
    ensure!(status.is_success(), "{url} answered {status}: {body}");
    println!("{body}");
    Ok(())
}
