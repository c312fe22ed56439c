//! What an operator may set, checked before anything starts.
//!
//! `config/default.toml` lies at the bottom, the profile's file over it, the environment on top;
//! all files are compiled in, so a binary needs nothing beside it. A setting that does not exist
//! or makes no sense stops the start with one sentence that names it: a mistyped name must not
//! silently leave a default in force. An empty variable counts as absent, because that is what
//! compose files make of one that is not set.

mod error;
mod keys;
mod layers;
mod load;
mod mask;
mod rate_limit;
mod rules;
#[cfg(test)]
mod tests;
mod values;

use std::{
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
};

use ipnet::IpNet;
use secrecy::SecretString;
use serde::Deserialize;

pub use error::ConfigError;
pub use rate_limit::RateLimit;
pub use values::{LogFormat, Profile, Provider};

/// The effective configuration. Build it with [`Config::load`].
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(deserialize_with = "values::parsed")]
    pub profile: Profile,
    pub database: Database,
    pub redis: Redis,
    pub http: Http,
    pub metrics: Metrics,
    pub embedded: Embedded,
    #[serde(default)]
    pub auth: Auth,
    pub sandbox: Sandbox,
    pub stripe: Stripe,
    pub payments: Payments,
    pub breaker: Breaker,
    pub sweeper: Sweeper,
    pub pledges: Pledges,
    pub mail: Mail,
    pub rate_limit: RateLimit,
    pub log: Log,
    pub otel: Otel,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Absent: the embedded Postgres.
    pub url: Option<SecretString>,
    /// For reads that may be a little old.
    pub replica_url: Option<SecretString>,
    /// Behind by more, the replica is not read from.
    #[serde(deserialize_with = "values::positive")]
    pub replica_max_lag_seconds: NonZeroU32,
    /// The size of the pool; with Postgres on the same machine, more than a few per core only
    /// makes them wait for each other.
    #[serde(default = "values::connections_for_cores", deserialize_with = "values::positive")]
    pub max_connections: NonZeroUsize,
    /// How long a request waits for a connection of the pool before it is refused.
    #[serde(deserialize_with = "values::seconds")]
    pub pool_wait_seconds: u64,
    /// Whether `serve` migrates at start.
    #[serde(deserialize_with = "values::flag")]
    pub migrate: bool,
    /// How long the start waits for a database that comes up beside us.
    #[serde(deserialize_with = "values::seconds")]
    pub wait_seconds: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// Absent: caches, limits and wake-ups are this process's own.
    pub url: Option<SecretString>,
    /// The longest a request waits for Redis; then it goes on without.
    #[serde(deserialize_with = "values::positive")]
    pub patience_ms: NonZeroU32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Port 0 takes any free one.
    #[serde(deserialize_with = "values::address")]
    pub bind: SocketAddr,
    #[serde(default = "values::cores", deserialize_with = "values::positive")]
    pub workers: NonZeroUsize,
    /// How long `/readyz` says `draining` before a stop, so that a balancer looks elsewhere.
    #[serde(deserialize_with = "values::seconds")]
    pub drain_seconds: u64,
    /// How long a request may take to arrive, and who reads nothing of an answer is waited for.
    #[serde(deserialize_with = "values::positive")]
    pub read_timeout_seconds: NonZeroU32,
    /// Networks whose `X-Forwarded-For` is believed.
    #[serde(deserialize_with = "values::networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Web pages that may call us from a browser; `*` stands for all.
    #[serde(deserialize_with = "values::origins")]
    pub cors_origins: Vec<String>,
    /// Connections of this process; further ones wait to be accepted.
    #[serde(deserialize_with = "values::positive")]
    pub max_connections: NonZeroUsize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Port 0 takes any free one.
    #[serde(deserialize_with = "values::address")]
    pub bind: SocketAddr,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedded {
    /// Where the embedded Postgres, and mail that is only written to files, live.
    pub data_dir: PathBuf,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// An Ed25519 key as PKCS#8 PEM; given as a path, the file has been read. Absent: made once
    /// and kept in the database, so that replicas agree.
    pub signing_key: Option<SecretString>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sandbox {
    #[serde(deserialize_with = "values::flag")]
    pub enabled: bool,
    /// `whsec_<base64>`. Absent: made once and kept in the database.
    pub webhook_secret: Option<SecretString>,
    /// Where the bank calls us. Absent: our own address.
    pub webhook_url: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stripe {
    /// Absent: Stripe is not offered.
    pub secret_key: Option<SecretString>,
    /// Several while one is being replaced.
    #[serde(default, deserialize_with = "values::secrets")]
    pub webhook_secrets: Vec<SecretString>,
    /// Without `/v1` and without a slash at the end.
    pub api_base: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payments {
    #[serde(deserialize_with = "values::parsed")]
    pub default_provider: Provider,
    /// A webhook that is not committed within this time is refused; its provider delivers it again.
    #[serde(deserialize_with = "values::positive")]
    pub webhook_commit_seconds: NonZeroU32,
}

/// When a provider that does not answer is left alone, and for how long.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breaker {
    /// So many calls are remembered,
    #[serde(deserialize_with = "values::positive")]
    pub window_calls: NonZeroU32,
    /// and so many failures among them open the breaker.
    #[serde(deserialize_with = "values::positive")]
    pub failures: NonZeroU32,
    #[serde(deserialize_with = "values::positive")]
    pub open_seconds: NonZeroU32,
    /// So many calls have to be answered before all go through again.
    #[serde(deserialize_with = "values::positive")]
    pub probes: NonZeroU32,
}

/// When providers are asked about what has not been heard of.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweeper {
    /// How often is looked for what is due.
    #[serde(deserialize_with = "values::positive")]
    pub every_seconds: NonZeroU32,
    /// A payment that is pending for so long is asked about.
    #[serde(deserialize_with = "values::positive")]
    pub pending_after_seconds: NonZeroU32,
    /// The first wait between two looks at the same payment; it doubles, up to 6 hours.
    #[serde(deserialize_with = "values::positive")]
    pub backoff_seconds: NonZeroU32,
    /// Payments and pledges that are unpaid for so long are given up.
    #[serde(deserialize_with = "values::positive")]
    pub abandon_after_seconds: NonZeroU32,
    /// How often a provider is asked for its events.
    #[serde(deserialize_with = "values::positive")]
    pub events_every_seconds: NonZeroU32,
    /// How long a stretch of time is whose payments are compared with the provider's.
    #[serde(deserialize_with = "values::positive")]
    pub reconcile_every_seconds: NonZeroU32,
    /// After so long, what one of the two books has is in the other one as well.
    #[serde(deserialize_with = "values::positive")]
    pub settle_seconds: NonZeroU32,
    /// How many payments one replica asks about in a second.
    #[serde(deserialize_with = "values::positive")]
    pub per_second: NonZeroU32,
}

/// Bounds of one gift, in the currency's minor unit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pledges {
    #[serde(deserialize_with = "values::whole")]
    pub min_amount_minor: i64,
    #[serde(deserialize_with = "values::whole")]
    pub max_amount_minor: i64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Absent: mail is written to `folder`, or, without one, not sent.
    pub smtp_url: Option<SecretString>,
    pub from: String,
    /// For `.eml` files. `<data dir>/mail` unless set, except in production.
    pub folder: Option<PathBuf>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    #[serde(deserialize_with = "values::parsed")]
    pub format: LogFormat,
    /// In the syntax of `RUST_LOG`.
    pub filter: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Otel {
    /// The base of an OTLP/HTTP endpoint. Absent: traces are not exported.
    pub endpoint: Option<String>,
    /// What we are called there.
    pub service_name: String,
    /// How many of the traces that begin here are exported, from 0 to 1; what others have begun
    /// goes by their decision.
    #[serde(deserialize_with = "values::ratio")]
    pub sample_ratio: f64,
}

impl Config {
    /// What is allowed, but likely not meant: one sentence each, for the log at start.
    pub fn warnings(&self) -> Vec<String> {
        rules::warnings(self)
    }

    /// Every setting with its effective value, as TOML; secrets are masked.
    pub fn masked(&self) -> String {
        mask::render(self)
    }
}
