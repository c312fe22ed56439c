//! What stops the start, and in which words.

use super::*;

fn refusal(environment: &[(&str, &str)]) -> String {
    load(environment).expect_err("this must be refused").to_string()
}

/// The variable, its value, and what is said about it.
const BAD: &[(&str, &str, &str)] = &[
    ("CAREFORALL_HTTP__BIND", "x", r#""x" is not an address such as 127.0.0.1:8080"#),
    ("CAREFORALL_METRICS__BIND", "9464", r#""9464" is not an address such as 127.0.0.1:8080"#),
    ("CAREFORALL_PROFILE", "prod", r#""prod" is none of development, demo, production"#),
    ("CAREFORALL_LOG__FORMAT", "xml", r#""xml" is none of json, pretty"#),
    ("CAREFORALL_PAYMENTS__DEFAULT_PROVIDER", "paypal", r#""paypal" is none of sandbox, stripe"#),
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
        "CAREFORALL_HTTP__CORS_ORIGINS",
        "https://a.example/",
        r#""https://a.example/" is not an origin such as https://give.example.org"#,
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
    ("OTEL_TRACES_SAMPLER_ARG", "1.5", r#""1.5" is not a number from 0 to 1"#),
    (
        "CAREFORALL_SANDBOX__WEBHOOK_SECRET",
        "hush",
        "the secret is not whsec_ followed by base64 of at least 16 bytes",
    ),
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
    (
        "CAREFORALL_STRIPE__SECRET_KEY",
        "pk_live_hush",
        "the key does not begin with sk_test_, sk_live_, rk_test_, rk_live_",
    ),
    (
        "CAREFORALL_PAYMENTS__DEFAULT_PROVIDER",
        "stripe",
        "Stripe cannot be the default without CAREFORALL_STRIPE__SECRET_KEY",
    ),
    ("CAREFORALL_MAIL__FROM", "nobody", "there is no e-mail address in it"),
    ("CAREFORALL_BREAKER__FAILURES", "21", "21 are more than the calls in the window"),
    ("CAREFORALL_BREAKER__WINDOW_CALLS", "1001", "at most 1000 are remembered"),
    (
        "CAREFORALL_SWEEPER__ABANDON_AFTER_SECONDS",
        "119",
        "payments would be given up before their provider is asked",
    ),
    ("CAREFORALL_SWEEPER__EVENTS_EVERY_SECONDS", "2678401", "more than 31 days are no such time"),
];

#[test]
fn a_bad_value_is_named_with_its_variable() {
    for (name, value, problem) in BAD {
        let refusal = refusal(&[(name, value)]);
        assert_eq!(refusal, format!("{name}: {problem}"));
        assert!(!refusal.contains("hush"), "{refusal}");
    }
}

#[test]
fn a_default_provider_that_is_switched_off_is_refused() {
    let refusal = refusal(&[("CAREFORALL_SANDBOX__ENABLED", "false")]);
    assert!(refusal.starts_with("CAREFORALL_PAYMENTS__DEFAULT_PROVIDER: the sandbox"), "{refusal}");
}

/// Play money in production is refused; real money elsewhere is somebody's own business.
#[test]
fn a_live_key_outside_production_is_allowed_and_said() {
    let config = load(&[("CAREFORALL_STRIPE__SECRET_KEY", "sk_live_hush")]).unwrap();
    let warnings = config.warnings().join("\n");
    assert!(warnings.contains("real money") && !warnings.contains("hush"), "{warnings}");
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
fn production_refuses_what_is_not_for_real_money() {
    let missing = refusal(&[("CAREFORALL_PROFILE", "production")]);
    assert!(missing.starts_with("DATABASE_URL: "), "{missing}");
    let cases = [
        ("CAREFORALL_SANDBOX__ENABLED", "true"),
        ("CAREFORALL_PAYMENTS__DEFAULT_PROVIDER", "sandbox"),
        ("CAREFORALL_STRIPE__SECRET_KEY", "sk_live_change-me"),
        ("CAREFORALL_STRIPE__SECRET_KEY", "rk_test_1"),
        ("CAREFORALL_STRIPE__API_BASE", "http://stripe.internal"),
        ("CAREFORALL_STRIPE__WEBHOOK_SECRETS", "whsec_0123456789abcdef,whsec_CHANGEME_CHANGEME"),
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
