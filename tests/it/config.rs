//! The start is refused with one sentence that names the setting, and the tools do what they say.

use std::{
    io::Write,
    net::TcpListener,
    process::{Command, Output, Stdio},
};

use crate::support::{CAREFORALL, Server};

/// The program, with nothing in its environment but this.
fn run(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(CAREFORALL);
    command.args(arguments).current_dir(directory.path()).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.envs(environment.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// What `serve` says when it does not start.
#[track_caller]
fn refusal(environment: &[(&str, &str)]) -> String {
    let output = run(&["serve"], environment, "");
    assert_eq!(output.status.code(), Some(1), "{environment:?}");
    let error = said(&output.stderr);
    assert_eq!(error.lines().count(), 1, "one sentence: {error}");
    error
}

#[test]
fn a_wrong_setting_stops_the_start_and_is_named() {
    let cases = [
        ("CAREFORALL_HTTP__BIND", "localhost"),
        ("CAREFORALL_HTTP__BNID", "127.0.0.1:0"),
        ("CAREFORALL_HTTP__WORKERS", "0"),
        ("CAREFORALL_HTTP__READ_TIMEOUT_SECONDS", "0"),
        ("CAREFORALL_HTTP__TRUSTED_PROXIES", "10.0.0.0/99"),
        ("CAREFORALL_METRICS__BIND", "9464"),
        ("CAREFORALL_PROFILE", "staging"),
        ("CAREFORALL_DATABASE__MIGRATE", "perhaps"),
        ("CAREFORALL_DATABASE__WAIT_SECONDS", "-1"),
        ("CAREFORALL_RATE_LIMIT__ENABLED", "2"),
        ("CAREFORALL_RATE_LIMIT__PER_IP_PER_MINUTE", "1e3"),
        ("CAREFORALL_PAYMENTS__DEFAULT_PROVIDER", "paypal"),
        ("CAREFORALL_PLEDGES__MIN_AMOUNT_MINOR", "0"),
        ("CAREFORALL_SANDBOX__WEBHOOK_SECRET", "whsec_not base64"),
        ("CAREFORALL_STRIPE__WEBHOOK_SECRETS", "whsec_"),
        ("CAREFORALL_AUTH__SIGNING_KEY", "/no/such/file"),
        ("CAREFORALL_LOG__FORMAT", "xml"),
        ("CAREFORALL_NONSENSE", "1"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("REDIS_URL", "http://localhost"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317"),
        ("RUST_LOG", "info,=="),
    ];
    for (name, value) in cases {
        let error = refusal(&[(name, value)]);
        assert!(error.contains(name), "{name}={value}: {error}");
    }
}

#[test]
fn production_refuses_what_only_plays() {
    let base = [("CAREFORALL_PROFILE", "production"), ("DATABASE_URL", "postgres://127.0.0.1:1/x")];
    let with = |name, value| [base[0], base[1], (name, value)];
    let no_database = refusal(&base[..1]);
    assert!(no_database.contains("DATABASE_URL"), "{no_database}");
    for (name, value) in [
        ("CAREFORALL_SANDBOX__ENABLED", "true"),
        ("CAREFORALL_PAYMENTS__DEFAULT_PROVIDER", "sandbox"),
        ("CAREFORALL_STRIPE__SECRET_KEY", "sk_test_changeme"),
        (
            "CAREFORALL_STRIPE__WEBHOOK_SECRETS",
            "whsec_good_is_as_long_as_this,whsec_example_of_a_document",
        ),
    ] {
        let error = refusal(&with(name, value));
        assert!(error.contains(name), "{name}: {error}");
        assert!(!error.contains("changeme") && !error.contains("whsec_"), "{error}");
    }
}

/// What `config check` finds, line by line.
fn problems(environment: &[(&str, &str)]) -> Vec<String> {
    let output = run(&["config", "check"], environment, "");
    let (told, shown) = (said(&output.stderr), said(&output.stdout));
    for (_, value) in environment.iter().filter(|(name, _)| name.contains("SECRET")) {
        let hidden = value.trim_start_matches("whsec_");
        assert!(hidden.is_empty() || !format!("{told}{shown}").contains(hidden), "{told}{shown}");
    }
    let problems: Vec<_> =
        told.lines().filter(|line| line.starts_with("problem: ")).map(str::to_owned).collect();
    assert_eq!(output.status.success(), problems.is_empty(), "{told}");
    problems
}

#[test]
fn webhook_secrets_that_can_be_guessed_are_refused() {
    let (stripe, sandbox) =
        ("CAREFORALL_STRIPE__WEBHOOK_SECRETS", "CAREFORALL_SANDBOX__WEBHOOK_SECRET");
    let good = "whsec_0123456789abcdef";
    for (name, value) in [
        (stripe, "whsec_"),
        (stripe, "notasecret-however-long-it-may-be"),
        (stripe, "whsec_0123456789abcde"),
        (stripe, "whsec_0123456789 abcdef"),
        (stripe, "whsec_0123456789abcdéf"),
        (stripe, &format!("{good},whsec_short")),
        // 3 bytes, and 15
        (sandbox, "whsec_MTIz"),
        (sandbox, "whsec_MTIzNDU2Nzg5MDEyMzQ1"),
    ] {
        for profile in ["development", "demo"] {
            let found = problems(&[("CAREFORALL_PROFILE", profile), (name, value)]);
            assert!(found.len() == 1 && found[0].contains(name), "{value}: {found:?}");
        }
    }
    let both = format!("{good}, {good}2");
    assert!(problems(&[(stripe, &both), (sandbox, "whsec_MTIzNDU2Nzg5MDEyMzQ1Ng==")]).is_empty());
}

#[test]
fn a_live_key_goes_nowhere_without_tls() {
    let (key, base) = ("CAREFORALL_STRIPE__SECRET_KEY", "CAREFORALL_STRIPE__API_BASE");
    for (secret, url, fine) in [
        ("sk_live_1", "http://stripe.example.org", false),
        ("rk_live_1", "http://10.0.0.1:12111/stripe", false),
        ("sk_live_1", "http://127.0.0.1@stripe.example.org", false),
        ("sk_live_1", "https://stripe.example.org", true),
        ("sk_live_1", "http://127.0.0.1:12111", true),
        ("sk_live_1", "http://[::1]:12111/x", true),
        ("sk_test_1", "http://stripe.example.org", true),
    ] {
        let found = problems(&[(key, secret), (base, url)]);
        let named = found.len() == 1 && found[0].contains(base);
        assert!(if fine { found.is_empty() } else { named }, "{secret} {url}: {found:?}");
    }
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let http = refusal(&[
        ("CAREFORALL_HTTP__BIND", &address),
        ("CAREFORALL_METRICS__BIND", "127.0.0.1:0"),
    ]);
    assert!(http.contains("CAREFORALL_HTTP__BIND") && http.contains(&address), "{http}");
    let metrics = refusal(&[
        ("CAREFORALL_HTTP__BIND", "127.0.0.1:0"),
        ("CAREFORALL_METRICS__BIND", &address),
    ]);
    assert!(metrics.contains("CAREFORALL_METRICS__BIND"), "{metrics}");
}

#[test]
fn a_database_that_does_not_answer_is_named_without_its_password() {
    let output = run(
        &["serve"],
        &[
            ("DATABASE_URL", "postgres://careforall:hunter2@127.0.0.1:1/x"),
            ("CAREFORALL_DATABASE__WAIT_SECONDS", "0"),
            ("CAREFORALL_HTTP__BIND", "127.0.0.1:0"),
            ("CAREFORALL_METRICS__BIND", "127.0.0.1:0"),
        ],
        "",
    );
    assert_eq!(output.status.code(), Some(1));
    let error = said(&output.stderr);
    assert!(error.contains("DATABASE_URL: the database cannot be reached"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn the_effective_configuration_is_printed_without_secrets() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let output = run(
        &["config", "check"],
        &[
            ("DATABASE_URL", "postgres://careforall:hunter2@db.internal/x"),
            ("REDIS_URL", "redis://:hunter2@cache.internal"),
            ("CAREFORALL_STRIPE__SECRET_KEY", "sk_live_hunter2"),
            ("CAREFORALL_STRIPE__WEBHOOK_SECRETS", secret),
            ("CAREFORALL_SANDBOX__WEBHOOK_SECRET", secret),
            ("CAREFORALL_MAIL__SMTP_URL", "smtp://me:hunter2@mail.internal"),
        ],
        "",
    );
    assert!(output.status.success(), "{}", said(&output.stderr));
    let printed = said(&output.stdout);
    assert!(printed.contains("db.internal") && printed.contains("***"), "{printed}");
    assert!(printed.contains("http.bind") && printed.contains("127.0.0.1:8080"), "{printed}");
    for told in ["hunter2", "MfKQ9r8G"] {
        assert!(!printed.contains(told) && !said(&output.stderr).contains(told), "{printed}");
    }
}

#[test]
fn everything_that_is_wrong_is_named_at_once() {
    let wrong = [
        ("CAREFORALL_PROFILE", "production"),
        ("CAREFORALL_HTTP__BIND", "x"),
        ("CAREFORALL_HTTP__BNID", "127.0.0.1:1"),
        ("DATABASE_URL", "mysql://u:hunter2@localhost/x"),
        ("CAREFORALL_AUTH__SIGNING_KEY", "/no/such/file"),
        ("CAREFORALL_SANDBOX__ENABLED", "true"),
        ("CAREFORALL_STRIPE__SECRET_KEY", "sk_test_hunter2"),
    ];
    let output = run(&["config", "check"], &wrong, "");
    assert_eq!(output.status.code(), Some(1));
    let told = said(&output.stderr);
    let problems: Vec<&str> = told.lines().filter(|line| line.starts_with("problem: ")).collect();
    assert_eq!(problems.len(), wrong.len() - 1, "each once: {told}");
    for (name, _) in &wrong[1..] {
        assert!(problems.iter().any(|line| line.contains(&format!("{name}: "))), "{name}: {told}");
    }
    // what can be read is shown all the same
    let printed = said(&output.stdout);
    assert!(printed.contains("127.0.0.1:8080"), "{printed}");
    assert!(!told.contains("hunter2") && !printed.contains("hunter2"), "{told}{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_containers_health_check_follows_the_server() {
    let server = Server::start().await;
    let address = server.base().trim_start_matches("http://").to_owned();
    let health = || run(&["health"], &[("CAREFORALL_HTTP__BIND", &address)], "");
    let output = health();
    assert!(output.status.success(), "{}", said(&output.stderr));
    assert!(said(&output.stdout).contains("ready"));
    // a server that hangs is not healthy
    server.stop();
    let hanging = health();
    assert_eq!(hanging.status.code(), Some(1));
    assert!(said(&hanging.stderr).contains("/readyz"), "{}", said(&hanging.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_is_made_once_and_can_sign_in() {
    let server = Server::start().await;
    let url = server.database().url();
    let create = |email: &str, input: &str| {
        let arguments = ["admin", "create", "--email", email];
        let output = run(&arguments, &[("DATABASE_URL", &url)], input);
        (output.status.success(), said(&output.stderr))
    };
    let password = "correct horse battery staple";
    let (short, error) = create("root@example.org", "short\n");
    assert!(!short && error.contains("12"), "{error}");
    let (nobody, error) = create("no address", &format!("{password}\n"));
    assert!(!nobody, "{error}");
    let (made, error) = create("root@example.org", &format!("{password}\r\n"));
    assert!(made, "{error}");
    let (again, error) = create("Root@Example.org", &format!("{password}\n"));
    assert!(!again && !error.contains(password), "{error}");
    let session = crate::auth::login(&server, "root@example.org", password).await.expect(200);
    assert_eq!(session.body["user"]["role"], "admin");
    crate::auth::register(&server, "ada@example.org").await.expect(201);
    let (promoted, error) = create("ada@example.org", &format!("{password}\n"));
    assert!(!promoted, "an account is never promoted: {error}");
}
