//! What is accepted, and where it comes from.

mod refusals;

use std::{io::Write, num::NonZeroUsize};

use secrecy::ExposeSecret;

use super::*;

const PKCS8: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n-----END PRIVATE KEY-----\n";

fn load(environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let owned = environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Config::from_layers(&layers::COMPILED_IN, owned)
}

fn production(more: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let base = [
        ("CAREFORALL_PROFILE", "production"),
        ("DATABASE_URL", "postgres://db/careforall"),
        ("CAREFORALL_STRIPE__SECRET_KEY", "sk_live_x"),
    ];
    // the first of two wins
    load(&[more, &base].concat())
}

#[test]
fn nothing_set_is_a_developers_machine() {
    let config = load(&[]).unwrap();
    assert_eq!(config.profile, Profile::Development);
    assert_eq!(config.http.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(config.metrics.bind.to_string(), "127.0.0.1:9464");
    assert!(config.database.url.is_none() && config.database.replica_url.is_none());
    assert!(config.database.migrate && config.database.max_connections.get() >= 16);
    assert!(config.redis.url.is_none() && config.otel.endpoint.is_none());
    assert_eq!(config.redis.patience_ms.get(), 50);
    assert_eq!(config.payments.webhook_commit_seconds.get(), 2);
    assert_eq!(config.embedded.data_dir, PathBuf::from(".careforall"));
    assert_eq!(config.mail.folder, Some(PathBuf::from(".careforall/mail")));
    assert!(config.sandbox.enabled && config.http.trusted_proxies.is_empty());
    assert_eq!(config.payments.default_provider, Provider::Sandbox);
    assert_eq!(config.pledges.min_amount_minor, 1);
    assert_eq!(config.pledges.max_amount_minor, 99_999_999);
    assert!(config.rate_limit.enabled);
    assert_eq!(config.rate_limit.per_ip_per_minute.get(), 100);
    assert_eq!(config.rate_limit.reads_per_ip_per_minute.get(), 1_000);
    assert_eq!(config.rate_limit.per_api_key_per_minute.get(), 1_000);
    assert_eq!(config.rate_limit.auth_per_minute.get(), 10);
    assert_eq!(config.log.format, LogFormat::Pretty);
    assert_eq!(config.warnings(), Vec::<String>::new());
}

/// One variable for each setting, and two that are none; the key's file is added by the test.
const EVERYTHING: [(&str, &str); 51] = [
    ("CAREFORALL_PROFILE", "demo"),
    ("DATABASE_URL", "postgres://u:p@db/careforall"),
    ("DATABASE_REPLICA_URL", "postgresql://u:p@replica/careforall"),
    ("REDIS_URL", "redis://cache:6379"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
    ("RUST_LOG", "careforall=debug"),
    ("CAREFORALL_DATABASE__MAX_CONNECTIONS", "7"),
    ("CAREFORALL_DATABASE__REPLICA_MAX_LAG_SECONDS", "3"),
    ("CAREFORALL_DATABASE__MIGRATE", "false"),
    ("CAREFORALL_HTTP__BIND", "0.0.0.0:80"),
    ("CAREFORALL_HTTP__WORKERS", "3"),
    ("CAREFORALL_HTTP__TRUSTED_PROXIES", "10.0.0.0/8, 192.168.1.7,fd00::/8"),
    ("CAREFORALL_HTTP__CORS_ORIGINS", "https://a.example, http://localhost:3000"),
    ("CAREFORALL_HTTP__MAX_CONNECTIONS", "9"),
    ("CAREFORALL_METRICS__BIND", "[::1]:0"),
    ("CAREFORALL_EMBEDDED__DATA_DIR", "/srv/data"),
    ("CAREFORALL_SANDBOX__ENABLED", "true"),
    ("CAREFORALL_SANDBOX__WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ("CAREFORALL_SANDBOX__WEBHOOK_URL", "http://localhost:9/hook"),
    ("CAREFORALL_STRIPE__SECRET_KEY", "sk_live_x"),
    ("CAREFORALL_STRIPE__WEBHOOK_SECRETS", "whsec_0123456789abcdef,whsec_fedcba9876543210"),
    ("CAREFORALL_STRIPE__API_BASE", "http://localhost:12111/"),
    ("CAREFORALL_PAYMENTS__DEFAULT_PROVIDER", "stripe"),
    ("CAREFORALL_BREAKER__WINDOW_CALLS", "9"),
    ("CAREFORALL_BREAKER__FAILURES", "8"),
    ("CAREFORALL_BREAKER__OPEN_SECONDS", "7"),
    ("CAREFORALL_BREAKER__PROBES", "6"),
    ("CAREFORALL_SWEEPER__EVERY_SECONDS", "1"),
    ("CAREFORALL_SWEEPER__PENDING_AFTER_SECONDS", "2"),
    ("CAREFORALL_SWEEPER__BACKOFF_SECONDS", "4"),
    ("CAREFORALL_SWEEPER__ABANDON_AFTER_SECONDS", "5"),
    ("CAREFORALL_SWEEPER__EVENTS_EVERY_SECONDS", "6"),
    ("CAREFORALL_SWEEPER__RECONCILE_EVERY_SECONDS", "7"),
    ("CAREFORALL_SWEEPER__SETTLE_SECONDS", "3"),
    ("CAREFORALL_SWEEPER__PER_SECOND", "8"),
    ("CAREFORALL_PLEDGES__MIN_AMOUNT_MINOR", "50"),
    ("CAREFORALL_PLEDGES__MAX_AMOUNT_MINOR", "5000"),
    ("CAREFORALL_MAIL__SMTP_URL", "smtps://u:p@mail"),
    ("CAREFORALL_MAIL__FROM", "give@example.org"),
    ("CAREFORALL_MAIL__FOLDER", "/srv/mail"),
    ("CAREFORALL_RATE_LIMIT__ENABLED", "0"),
    ("CAREFORALL_RATE_LIMIT__PER_IP_PER_MINUTE", "1"),
    ("CAREFORALL_RATE_LIMIT__READS_PER_IP_PER_MINUTE", "2"),
    ("CAREFORALL_RATE_LIMIT__PER_API_KEY_PER_MINUTE", "3"),
    ("CAREFORALL_RATE_LIMIT__AUTH_PER_MINUTE", "4"),
    ("CAREFORALL_RATE_LIMIT__PAYMENTS_PER_IP_PER_HOUR", "5"),
    ("CAREFORALL_RATE_LIMIT__PAYMENTS_PER_SOURCE_PER_HOUR", "6"),
    ("CAREFORALL_RATE_LIMIT__PAYMENTS_PER_USER_PER_HOUR", "7"),
    ("CAREFORALL_LOG__FORMAT", "json"),
    ("CAREFORALL_DEV_WHATEVER", "x"),
    ("PATH", "/bin"),
];

#[test]
fn every_setting_can_come_from_the_environment() {
    let key_file = tempfile::NamedTempFile::new().unwrap();
    key_file.as_file().write_all(PKCS8.as_bytes()).unwrap();
    let key = ("CAREFORALL_AUTH__SIGNING_KEY", key_file.path().to_str().unwrap());
    let config = load(&[&EVERYTHING[..], &[key]].concat()).unwrap();
    assert_eq!(config.database.url.unwrap().expose_secret(), "postgres://u:p@db/careforall");
    assert_eq!(config.database.max_connections.get(), 7);
    assert!(!config.database.migrate && !config.rate_limit.enabled);
    assert_eq!(config.http.workers, NonZeroUsize::new(3).unwrap());
    let proxies: Vec<_> = config.http.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["10.0.0.0/8", "192.168.1.7/32", "fd00::/8"]);
    assert_eq!(config.auth.signing_key.unwrap().expose_secret(), PKCS8);
    assert_eq!(config.stripe.webhook_secrets.len(), 2);
    assert_eq!(config.stripe.api_base, "http://localhost:12111");
    assert_eq!(config.payments.default_provider, Provider::Stripe);
    assert_eq!(config.rate_limit.auth_per_minute.get(), 4);
    assert_eq!(config.rate_limit.payments_per_ip_per_hour.get(), 5);
    assert_eq!(config.rate_limit.payments_per_source_per_hour.get(), 6);
    assert_eq!(config.rate_limit.payments_per_user_per_hour.get(), 7);
    assert_eq!(config.http.cors_origins, ["https://a.example", "http://localhost:3000"]);
    assert_eq!(config.http.max_connections.get(), 9);
    assert_eq!((config.breaker.window_calls.get(), config.breaker.probes.get()), (9, 6));
    assert_eq!(config.sweeper.abandon_after_seconds.get(), 5);
    assert_eq!(config.log.filter, "careforall=debug");
}

#[test]
fn an_empty_variable_counts_as_absent() {
    let config = load(&[("DATABASE_URL", ""), ("CAREFORALL_HTTP__BIND", " ")]).unwrap();
    assert!(config.database.url.is_none());
    assert_eq!(config.http.bind.port(), 8080);
}

#[test]
fn the_well_known_name_wins_over_the_prefixed_one() {
    let (bare, prefixed) =
        (("DATABASE_URL", "postgres://bare"), ("CAREFORALL_DATABASE__URL", "postgres://prefixed"));
    for order in [[bare, prefixed], [prefixed, bare]] {
        let url = load(&order).unwrap().database.url.unwrap();
        assert_eq!(url.expose_secret(), "postgres://bare");
    }
}

#[test]
fn all_files_of_the_repository_are_sound() {
    for profile in ["development", "demo"] {
        let config = load(&[("CAREFORALL_PROFILE", profile)]).unwrap();
        assert!(config.sandbox.enabled, "{profile}");
    }
    let config = production(&[]).unwrap();
    assert!(!config.sandbox.enabled && config.mail.folder.is_none());
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.payments.default_provider, Provider::Stripe);
    assert_eq!(config.warnings().len(), 2, "{:?}", config.warnings());
}

#[test]
fn the_list_of_names_is_the_list_of_settings() {
    let lines = mask::lines(&load(&[]).unwrap());
    assert_eq!(lines.iter().map(|(key, _)| *key).collect::<Vec<_>>(), keys::ALL);
}

#[test]
fn what_is_printed_is_toml_and_holds_no_secret() {
    let config = load(&[
        ("DATABASE_URL", "postgres://u:hush@db/careforall"),
        ("CAREFORALL_AUTH__SIGNING_KEY", PKCS8),
        ("CAREFORALL_SANDBOX__WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("CAREFORALL_STRIPE__SECRET_KEY", "sk_test_hush"),
        (
            "CAREFORALL_STRIPE__WEBHOOK_SECRETS",
            "whsec_hush_hush_hush_hush,whsec_hush_hush_hush_hush",
        ),
        ("CAREFORALL_MAIL__SMTP_URL", "smtp://u:hush@mail"),
    ])
    .unwrap();
    for text in [config.masked(), format!("{config:?}")] {
        for secret in ["hush", "PRIVATE KEY", "MfKQ9"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    let text = config.masked();
    assert!(
        text.contains("\"postgres://u:***@db/careforall\"")
            && text.contains("# redis.url is not set")
    );
    config::Config::builder()
        .add_source(config::File::from_str(&text, config::FileFormat::Toml))
        .build()
        .unwrap();
}
