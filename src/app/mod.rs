//! The composition root: the only place that knows every module.
//!
//! `serve` goes through the same steps everywhere: database (embedded if none is configured),
//! schema, secrets, services, listeners, background work; then it serves until it is told to stop,
//! and takes everything down in the opposite order.

mod background;
mod demo_campaign;
mod http;
pub mod metrics;
mod openapi;
mod resources;
mod services;

use std::{net::TcpListener, time::Duration};

use anyhow::Context;
use secrecy::ExposeSecret;
use tokio::{
    runtime::Handle,
    signal::unix::{SignalKind, signal},
};

use crate::{
    config::{Config, LogFormat},
    modules::payment::Providers,
    platform::{
        postgres::Database,
        telemetry::{self, Export, TraceGuard},
    },
};
use resources::Resources;
use services::Services;

pub use openapi::document;
pub use services::reachable;

/// How long background work may take to come to its end.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// Serves until SIGTERM or Ctrl-C, or until background work ends by itself.
///
/// # Errors
/// One sentence that says what kept it from starting, or from going on.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let json = config.log.format == LogFormat::Json;
    let _log = telemetry::init(&config.log.filter, json)?;
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let traces = export_traces(&config)?;
    let recorder = metrics::install()?;
    let listeners = Listeners::bind(&config)?;
    let resources = Resources::open(&config).await?;
    let services = Services::new(&config, &resources, listeners.http.local_addr()?).await?;
    let background = background::start(&services, &resources, recorder.clone());
    demo_campaign::ensure(&config, &services, &resources).await?;
    let addresses = (listeners.http.local_addr()?, listeners.metrics.local_addr()?);
    let server = http::start(&config, &services, listeners.http)?;
    let metrics_server = metrics::serve(recorder, listeners.metrics)?;
    announce(&config, addresses);

    let failed = tokio::select! {
        requested = stop_requested() => { requested?; false }
        () = background.failed() => true,
    };
    tracing::info!("stopping: no new requests, those under way are finished");
    services.health.drain();
    tokio::time::sleep(Duration::from_secs(config.http.drain_seconds)).await;
    server.stop(true).await;
    background.stop(STOP_TIMEOUT).await;
    metrics_server.stop(true).await;
    drop(services);
    resources.close().await?;
    if let Some(traces) = traces {
        traces.close().await;
    }
    anyhow::ensure!(!failed, "background work has ended by itself; see the log");
    tracing::info!("stopped");
    Ok(())
}

/// Spans are exported when it is said whereto.
fn export_traces(config: &Config) -> anyhow::Result<Option<TraceGuard>> {
    let Some(endpoint) = &config.otel.endpoint else { return Ok(None) };
    let (service_name, sample_ratio) = (&config.otel.service_name, config.otel.sample_ratio);
    let export = Export { endpoint, service_name, sample_ratio };
    tracing::info!(service_name, sample_ratio, "traces are exported");
    telemetry::export_traces(&export, Handle::current()).map(Some)
}

/// The sockets, bound before anything else, so that a port in use stops the start at once.
struct Listeners {
    http: TcpListener,
    metrics: TcpListener,
}

impl Listeners {
    fn bind(config: &Config) -> anyhow::Result<Self> {
        let bind = |address, key: &str| {
            TcpListener::bind(address).with_context(|| format!("{key}: cannot listen on {address}"))
        };
        Ok(Self {
            http: bind(config.http.bind, "CAREFORALL_HTTP__BIND")?,
            metrics: bind(config.metrics.bind, "CAREFORALL_METRICS__BIND")?,
        })
    }
}

/// For people and for scripts: where to look. The first line has a fixed form.
fn announce(config: &Config, (http, metrics): (std::net::SocketAddr, std::net::SocketAddr)) {
    println!("listening http={http} metrics={metrics}");
    if config.log.format == LogFormat::Pretty {
        println!(
            "\n  CareForAll is up.\n\n  \
             Swagger UI   http://{http}/docs\n  \
             Metrics      http://{metrics}/metrics\n  \
             Try it       curl http://{http}/api/v1/campaigns\n"
        );
    }
}

async fn stop_requested() -> anyhow::Result<()> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}

/// Opens what the command-line tools need, beside a server or without one: the database, migrated,
/// and nothing else.
///
/// # Errors
/// When the database cannot be reached.
pub async fn with_database<T>(
    config: &Config,
    work: impl AsyncFnOnce(&Database) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    with(Resources::open_beside(config).await?, work).await
}

/// The same, for what no server may be beside.
///
/// # Errors
/// When the database cannot be reached, or a server uses the embedded one.
pub async fn with_own_database<T>(
    config: &Config,
    work: impl AsyncFnOnce(&Database) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    with(Resources::open(config).await?, work).await
}

async fn with<T>(
    resources: Resources,
    work: impl AsyncFnOnce(&Database) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let outcome = work(&resources.database).await;
    resources.close().await?;
    outcome
}

/// The same, with the payment providers.
///
/// # Errors
/// When the database cannot be reached.
pub async fn with_providers<T>(
    config: &Config,
    work: impl AsyncFnOnce(&Database, &Providers) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let resources = Resources::open_beside(config).await?;
    let outcome = match services::only_providers(config, &resources).await {
        Ok(providers) => work(&resources.database, &providers).await,
        Err(error) => Err(error),
    };
    resources.close().await?;
    outcome
}

/// The text of a secret, for the one who connects or signs with it.
pub fn expose(secret: Option<&secrecy::SecretString>) -> Option<&str> {
    secret.map(ExposeSecret::expose_secret)
}
