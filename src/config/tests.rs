use std::{io::Write, num::NonZeroUsize};

use secrecy::ExposeSecret;

use super::*;

const PKCS8: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n-----END PRIVATE KEY-----\n";

fn load(environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let owned = environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Config::from_layers(&layers::COMPILED_IN, owned)
}

fn refusal(environment: &[(&str, &str)]) -> String {
    load(environment).expect_err("this must be refused").to_string()
}

fn production(more: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let base = [("CAREFORALL_PROFILE", "production"), ("DATABASE_URL", "postgres://db/careforall")];
    load(&[&base, more].concat())
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

#[test]
fn every_setting_can_come_from_the_environment() {
    let key_file = tempfile::NamedTempFile::new().unwrap();
    key_file.as_file().write_all(PKCS8.as_bytes()).unwrap();
    let config = load(&[
        ("CAREFORALL_PROFILE", "demo"),
        ("DATABASE_URL", "postgres://u:p@db/careforall"),
        ("DATABASE_REPLICA_URL", "postgresql://u:p@replica/careforall"),
        ("REDIS_URL", "redis://cache:6379"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
        ("RUST_LOG", "careforall=debug"),
        ("CAREFORALL_DATABASE__MAX_CONNECTIONS", "7"),
        ("CAREFORALL_DATABASE__MIGRATE", "false"),
        ("CAREFORALL_HTTP__BIND", "0.0.0.0:80"),
        ("CAREFORALL_HTTP__WORKERS", "3"),
        ("CAREFORALL_HTTP__TRUSTED_PROXIES", "10.0.0.0/8, 192.168.1.7,fd00::/8"),
        ("CAREFORALL_METRICS__BIND", "[::1]:0"),
        ("CAREFORALL_EMBEDDED__DATA_DIR", "/srv/data"),
        ("CAREFORALL_AUTH__SIGNING_KEY", key_file.path().to_str().unwrap()),
        ("CAREFORALL_SANDBOX__ENABLED", "true"),
        ("CAREFORALL_SANDBOX__WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("CAREFORALL_SANDBOX__WEBHOOK_URL", "http://localhost:9/hook"),
        ("CAREFORALL_STRIPE__SECRET_KEY", "sk_live_x"),
        ("CAREFORALL_STRIPE__WEBHOOK_SECRETS", "whsec_a,whsec_b"),
        ("CAREFORALL_STRIPE__API_BASE", "http://localhost:12111/"),
        ("CAREFORALL_PAYMENTS__DEFAULT_PROVIDER", "stripe"),
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
        ("CAREFORALL_LOG__FORMAT", "json"),
        ("CAREFORALL_DEV_WHATEVER", "x"),
        ("PATH", "/bin"),
    ])
    .unwrap();
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
fn a_bad_value_is_named_with_its_variable() {
    let cases = [
        ("CAREFORALL_HTTP__BIND", "x", r#""x" is not an address such as 127.0.0.1:8080"#),
        ("CAREFORALL_METRICS__BIND", "9464", r#""9464" is not an address such as 127.0.0.1:8080"#),
        ("CAREFORALL_PROFILE", "prod", r#""prod" is none of development, demo, production"#),
        ("CAREFORALL_LOG__FORMAT", "xml", r#""xml" is none of json, pretty"#),
        (
            "CAREFORALL_PAYMENTS__DEFAULT_PROVIDER",
            "paypal",
            r#""paypal" is none of sandbox, stripe"#,
        ),
        ("CAREFORALL_DATABASE__MAX_CONNECTIONS", "many", r#""many" is not a whole number from 1"#),
        ("CAREFORALL_HTTP__WORKERS", "0", r#""0" is not a whole number from 1"#),
        ("CAREFORALL_RATE_LIMIT__AUTH_PER_MINUTE", "-1", r#""-1" is not a whole number from 1"#),
        ("CAREFORALL_PLEDGES__MAX_AMOUNT_MINOR", "1e9", r#""1e9" is not a whole number"#),
        ("CAREFORALL_PLEDGES__MIN_AMOUNT_MINOR", "0", "0 is below 1"),
        ("CAREFORALL_DATABASE__MIGRATE", "maybe", r#""maybe" is not true or false"#),
        (
            "CAREFORALL_HTTP__TRUSTED_PROXIES",
            "10.0.0.0/8,lan",
            r#""lan" is not a network such as 10.0.0.0/8"#,
        ),
        (
            "DATABASE_URL",
            "mysql://u:hush@h",
            "the URL does not begin with postgres:// or postgresql://",
        ),
        (
            "REDIS_URL",
            "localhost",
            "the URL does not begin with redis:// or rediss:// or unix:// or redis+unix://",
        ),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "collector:4317",
            "the URL does not begin with http:// or https://",
        ),
        (
            "CAREFORALL_SANDBOX__WEBHOOK_SECRET",
            "hush",
            "the secret does not have the form whsec_<base64>",
        ),
        ("CAREFORALL_SANDBOX__ENABLED", "false", ""),
        (
            "CAREFORALL_AUTH__SIGNING_KEY",
            "/nowhere",
            "the value is neither a PEM nor a file that can be read (No such file or directory (os error 2))",
        ),
        (
            "CAREFORALL_AUTH__SIGNING_KEY",
            "-----BEGIN RSA PRIVATE KEY-----",
            "this is not an Ed25519 key as PKCS#8 PEM",
        ),
        ("CAREFORALL_MAIL__FROM", "nobody", "there is no e-mail address in it"),
    ];
    for (name, value, problem) in cases {
        let refusal = refusal(&[(name, value)]);
        if problem.is_empty() {
            let other = "CAREFORALL_PAYMENTS__DEFAULT_PROVIDER: the sandbox is switched off, so it cannot be the default";
            assert_eq!(refusal, other);
        } else {
            assert_eq!(refusal, format!("{name}: {problem}"));
        }
        assert!(!refusal.contains("hush"), "{refusal}");
    }
}

#[test]
fn an_unknown_variable_stops_the_start() {
    assert_eq!(
        refusal(&[("CAREFORALL_HTTP__BNID", "127.0.0.1:1")]),
        "CAREFORALL_HTTP__BNID: there is no such setting; did you mean CAREFORALL_HTTP__BIND?"
    );
    assert!(
        refusal(&[("CAREFORALL_COLOUR", "")]).starts_with("CAREFORALL_COLOUR: there is no such")
    );
}

#[test]
fn an_unknown_or_bad_key_in_a_file_stops_the_start() {
    let with = |development: &str| {
        let files = layers::Files { development, ..layers::COMPILED_IN };
        Config::from_layers(&files, []).expect_err("this must be refused").to_string()
    };
    let unknown = with("[http]\nbnid = 'x'");
    assert!(unknown.contains("http") && unknown.contains("bnid"), "{unknown}");
    let bad = with("[http]\nworkers = 'x'");
    assert!(
        bad.starts_with("http.workers (config/default.toml, config/development.toml): "),
        "{bad}"
    );
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
fn production_refuses_what_is_not_for_real_money() {
    let missing = refusal(&[("CAREFORALL_PROFILE", "production")]);
    assert!(missing.starts_with("DATABASE_URL: "), "{missing}");
    let cases = [
        ("CAREFORALL_SANDBOX__ENABLED", "true"),
        ("CAREFORALL_PAYMENTS__DEFAULT_PROVIDER", "sandbox"),
        ("CAREFORALL_STRIPE__SECRET_KEY", "sk_live_change-me"),
        ("CAREFORALL_STRIPE__WEBHOOK_SECRETS", "whsec_fine,whsec_CHANGEME"),
        (
            "CAREFORALL_AUTH__SIGNING_KEY",
            "-----BEGIN PRIVATE KEY-----\\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\\n-----END PRIVATE KEY-----",
        ),
    ];
    for (name, value) in cases {
        let refusal = production(&[(name, value)]).expect_err(name).to_string();
        assert!(
            refusal.starts_with(&format!("{name}: the production profile refuses")),
            "{refusal}"
        );
    }
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
        ("CAREFORALL_STRIPE__SECRET_KEY", "sk_hush"),
        ("CAREFORALL_STRIPE__WEBHOOK_SECRETS", "whsec_hush,whsec_hush"),
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
