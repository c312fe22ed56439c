//! Opening one connection: settings, TLS, and the task that drives it.

use std::{str::FromStr, time::Duration};

use anyhow::Context;
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use rustls::ClientConfig;
use rustls_platform_verifier::ConfigVerifierExt;
use tokio::runtime::Handle;
use tokio_postgres::{Config, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::spans::DbSpans;
use crate::platform::telemetry;

/// What every session is set to, before its first statement.
const SESSION: &str = "-c timezone=UTC -c lock_timeout=5s -c statement_timeout=30s \
                       -c idle_in_transaction_session_timeout=15s -c jit=off";

/// How long the other side of a TCP connection may be silent.
const SILENCE: Duration = Duration::from_secs(10);

/// How to connect.
#[derive(Clone)]
pub struct Settings {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Settings {
    /// Reads a `postgres://` URL. Certificates are verified, with host name, whenever TLS is
    /// used; `sslmode=verify-full` and `verify-ca` therefore mean `require`.
    pub fn parse(url: &str) -> anyhow::Result<Self> {
        let url = url
            .replace("sslmode=verify-full", "sslmode=require")
            .replace("sslmode=verify-ca", "sslmode=require");
        let mut config = Config::from_str(&url).context("DATABASE_URL is not a Postgres URL")?;
        let options = match config.get_options() {
            Some(own) => format!("{SESSION} {own}"),
            None => SESSION.to_owned(),
        };
        config.options(options).application_name("careforall");
        config.connect_timeout(Duration::from_secs(2));
        // a machine that vanishes says nothing: without these, statements to it wait for minutes
        config.tcp_user_timeout(SILENCE).keepalives_idle(SILENCE).keepalives_retries(3);
        config.keepalives_interval(Duration::from_secs(3));
        let tls = match config.get_ssl_mode() {
            SslMode::Disable => None,
            SslMode::Prefer if local(&config) => None,
            _ => Some(MakeRustlsConnect::new(ClientConfig::with_platform_verifier()?)),
        };
        Ok(Self { config, tls })
    }
}

/// Only sockets and loopback: nothing to hide from.
fn local(config: &Config) -> bool {
    use tokio_postgres::config::Host;
    config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
    })
}

/// Opens a connection whose driver runs on `runtime`.
pub async fn establish(
    settings: Settings,
    runtime: &Handle,
) -> ConnectionResult<AsyncPgConnection> {
    let bad = |error: &dyn std::fmt::Display| ConnectionError::BadConnection(error.to_string());
    let opened = runtime.spawn(async move {
        let mut opened = match settings.tls {
            None => {
                let (client, conn) = settings.config.connect(NoTls).await.map_err(|e| bad(&e))?;
                AsyncPgConnection::try_from_client_and_connection(client, conn).await
            }
            Some(tls) => {
                let (client, conn) = settings.config.connect(tls).await.map_err(|e| bad(&e))?;
                AsyncPgConnection::try_from_client_and_connection(client, conn).await
            }
        };
        if let Ok(conn) = &mut opened
            && telemetry::is_exporting()
        {
            conn.set_instrumentation(DbSpans::default());
        }
        opened
    });
    opened.await.unwrap_or_else(|e| Err(bad(&e)))
}
