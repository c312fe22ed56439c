//! What holds between settings: values that follow from others, and what a profile refuses.

use std::{fs, net::IpAddr};

use actix_web::http::uri::Authority;
use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretString};

use super::{Config, ConfigError, Profile, Provider};

/// Secrets that anyone can read in a document, by a piece that gives them away: the example key of
/// RFC 8410, and the words people write where a secret should go.
const PUBLISHED: [&str; 5] = [
    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC",
    "changeme",
    "change-me",
    "change_me",
    "example",
];

/// Whoever guesses a webhook secret can make up captures.
const SECRET_BYTES: usize = 16;

/// Fills in what follows from other settings.
pub fn complete(config: &mut Config) -> Result<(), ConfigError> {
    if config.mail.folder.is_none() && config.profile != Profile::Production {
        config.mail.folder = Some(config.embedded.data_dir.join("mail"));
    }
    let base = config.stripe.api_base.trim_end_matches('/').to_owned();
    config.stripe.api_base = base;
    if let Some(key) = &config.auth.signing_key {
        config.auth.signing_key = Some(pem(key.expose_secret())?);
    }
    Ok(())
}

/// The PEM itself, or the file of that name. `\n` may stand for a line break, because files of
/// variables know no other way to write one.
fn pem(given: &str) -> Result<SecretString, ConfigError> {
    let key = "auth.signing_key";
    let text = if given.contains("-----BEGIN") {
        given.replace("\\n", "\n")
    } else {
        fs::read_to_string(given).map_err(|error| {
            let problem = "is neither a PEM nor a file that can be read";
            ConfigError::about(key, format!("the value {problem} ({error})"))
        })?
    };
    if !text.contains("-----BEGIN PRIVATE KEY-----") {
        return Err(ConfigError::about(key, "this is not an Ed25519 key as PKCS#8 PEM"));
    }
    Ok(text.into())
}

/// What makes no sense, or must not be in the profile: everything, in the order of importance.
pub fn problems(config: &Config) -> Vec<ConfigError> {
    let mut found = Findings(Vec::new());
    urls(config, &mut found);
    amounts(config, &mut found);
    sandbox(config, &mut found);
    recovery(config, &mut found);
    found.refuse_if(
        !config.mail.from.contains('@'),
        "mail.from",
        "there is no e-mail address in it",
    );
    if config.profile == Profile::Production {
        production(config, &mut found);
    }
    stripe(config, &mut found);
    found.0
}

struct Findings(Vec<ConfigError>);

impl Findings {
    fn refuse_if(&mut self, wrong: bool, key: &str, problem: impl Into<String>) {
        if wrong {
            self.0.push(ConfigError::about(key, problem));
        }
    }
}

fn urls(config: &Config, found: &mut Findings) {
    const POSTGRES: &[&str] = &["postgres://", "postgresql://"];
    const WEB: &[&str] = &["http://", "https://"];
    let exposed = |secret: &Option<SecretString>| {
        secret.as_ref().map(|secret| secret.expose_secret().to_owned())
    };
    let checks: [(&str, Option<String>, &[&str]); 7] = [
        ("database.url", exposed(&config.database.url), POSTGRES),
        ("database.replica_url", exposed(&config.database.replica_url), POSTGRES),
        (
            "redis.url",
            exposed(&config.redis.url),
            &["redis://", "rediss://", "unix://", "redis+unix://"],
        ),
        ("mail.smtp_url", exposed(&config.mail.smtp_url), &["smtp://", "smtps://"]),
        ("sandbox.webhook_url", config.sandbox.webhook_url.clone(), WEB),
        ("stripe.api_base", Some(config.stripe.api_base.clone()), WEB),
        ("otel.endpoint", config.otel.endpoint.clone(), WEB),
    ];
    for (key, value, schemes) in checks {
        // the value is not repeated: it may hold a password
        let wrong = value.is_some_and(|url| !schemes.iter().any(|scheme| url.starts_with(scheme)));
        found.refuse_if(
            wrong,
            key,
            format!("the URL does not begin with {}", schemes.join(" or ")),
        );
    }
}

fn amounts(config: &Config, found: &mut Findings) {
    let (min, max) = (config.pledges.min_amount_minor, config.pledges.max_amount_minor);
    found.refuse_if(min < 1, "pledges.min_amount_minor", format!("{min} is below 1"));
    let problem = format!("{max} is below the smallest amount, {min}");
    found.refuse_if(max < min, "pledges.max_amount_minor", problem);
}

/// The breaker can open, and what is given up has been asked about before.
fn recovery(config: &Config, found: &mut Findings) {
    const MONTH: u32 = 31 * 86_400;
    let (breaker, sweeper) = (&config.breaker, &config.sweeper);
    let many = breaker.window_calls.get() > 1000;
    found.refuse_if(many, "breaker.window_calls", "at most 1000 are remembered");
    let problem = format!("{} are more than the calls in the window", breaker.failures);
    found.refuse_if(breaker.failures > breaker.window_calls, "breaker.failures", problem);
    let early = sweeper.abandon_after_seconds < sweeper.pending_after_seconds;
    let problem = "payments would be given up before their provider is asked";
    found.refuse_if(early, "sweeper.abandon_after_seconds", problem);
    let ages = [
        ("breaker.open_seconds", breaker.open_seconds),
        ("sweeper.every_seconds", sweeper.every_seconds),
        ("sweeper.pending_after_seconds", sweeper.pending_after_seconds),
        ("sweeper.backoff_seconds", sweeper.backoff_seconds),
        ("sweeper.abandon_after_seconds", sweeper.abandon_after_seconds),
        ("sweeper.events_every_seconds", sweeper.events_every_seconds),
        ("sweeper.reconcile_every_seconds", sweeper.reconcile_every_seconds),
        ("sweeper.settle_seconds", sweeper.settle_seconds),
    ];
    for (key, seconds) in ages {
        found.refuse_if(seconds.get() > MONTH, key, "more than 31 days are no such time");
    }
}

fn sandbox(config: &Config, found: &mut Findings) {
    if let Some(secret) = &config.sandbox.webhook_secret {
        let encoded = secret.expose_secret().strip_prefix("whsec_");
        let bytes = encoded.and_then(|encoded| BASE64_STANDARD.decode(encoded).ok());
        let problem = "the secret is not whsec_ followed by base64 of at least 16 bytes";
        let wrong = bytes.is_none_or(|bytes| bytes.len() < SECRET_BYTES);
        found.refuse_if(wrong, "sandbox.webhook_secret", problem);
    }
    let wanted = config.payments.default_provider == Provider::Sandbox;
    let missing = wanted && !config.sandbox.enabled && config.profile != Profile::Production;
    let problem = "the sandbox is switched off, so it cannot be the default";
    found.refuse_if(missing, "payments.default_provider", problem);
}

fn stripe(config: &Config, found: &mut Findings) {
    let problem = "a secret is not whsec_ followed by at least 16 visible ASCII characters";
    let weak = !config.stripe.webhook_secrets.iter().all(is_endpoint_secret);
    found.refuse_if(weak, "stripe.webhook_secrets", problem);
    let Some(key) = &config.stripe.secret_key else {
        let wanted = config.payments.default_provider == Provider::Stripe;
        let variable = super::keys::variable("stripe.secret_key");
        let problem = format!("Stripe cannot be the default without {variable}");
        return found.refuse_if(wanted, "payments.default_provider", problem);
    };
    let prefixes = ["sk_test_", "sk_live_", "rk_test_", "rk_live_"];
    let rest = prefixes.iter().find_map(|prefix| key.expose_secret().strip_prefix(prefix));
    let form = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic());
    let problem = format!("the key does not begin with {}", prefixes.join(", "));
    found.refuse_if(!rest.is_some_and(form), "stripe.secret_key", problem);
    // production refuses this of every key
    let told = config.profile == Profile::Production;
    let exposed = is_live(key) && is_plain_and_elsewhere(&config.stripe.api_base);
    let problem = "a live key is not sent to another machine without TLS";
    found.refuse_if(exposed && !told, "stripe.api_base", problem);
}

/// Of the form that Stripe gives them, and not to be guessed.
fn is_endpoint_secret(secret: &SecretString) -> bool {
    let key = secret.expose_secret().strip_prefix("whsec_").unwrap_or_default();
    key.len() >= SECRET_BYTES && key.bytes().all(|b| b.is_ascii_graphic())
}

fn is_plain_and_elsewhere(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default().parse::<Authority>();
    let host = authority.map(|at| at.host().trim_matches(['[', ']']).to_owned());
    let here = |host: &str| {
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    };
    !host.is_ok_and(|host| here(&host))
}

fn is_live(key: &SecretString) -> bool {
    key.expose_secret().get(2..).is_some_and(|rest| rest.starts_with("_live_"))
}

/// Real money: nothing that only plays, nothing that anyone can look up.
fn production(config: &Config, found: &mut Findings) {
    const PLAYS: &str = "the production profile refuses the sandbox, which moves no money";
    let problem = "the production profile needs it, since it refuses the embedded database";
    found.refuse_if(config.database.url.is_none(), "database.url", problem);
    found.refuse_if(config.sandbox.enabled, "sandbox.enabled", PLAYS);
    let plays = config.payments.default_provider == Provider::Sandbox;
    found.refuse_if(plays, "payments.default_provider", PLAYS);
    let test_mode = config.stripe.secret_key.as_ref().is_some_and(|key| !is_live(key));
    let problem = "the production profile refuses a key of test mode, which moves no money";
    found.refuse_if(test_mode, "stripe.secret_key", problem);
    let problem = "the production profile refuses to send the secret key without TLS";
    let plain = !config.stripe.api_base.starts_with("https://");
    found.refuse_if(plain, "stripe.api_base", problem);
    let stripe = config.stripe.webhook_secrets.iter().map(|s| ("stripe.webhook_secrets", s));
    let single = [
        ("auth.signing_key", &config.auth.signing_key),
        ("sandbox.webhook_secret", &config.sandbox.webhook_secret),
        ("stripe.secret_key", &config.stripe.secret_key),
    ];
    let single = single.iter().filter_map(|(key, secret)| Some((*key, secret.as_ref()?)));
    for (key, secret) in single.chain(stripe) {
        let problem = "the production profile refuses a secret that is published in documents";
        found.refuse_if(published(secret), key, problem);
    }
}

fn published(secret: &SecretString) -> bool {
    let folded: String = secret.expose_secret().split_whitespace().collect();
    let lower = folded.to_lowercase();
    PUBLISHED.iter().any(|known| folded.contains(known) || lower.contains(known))
}

pub fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    let stripe = &config.stripe;
    if config.profile == Profile::Demo {
        warnings.push("the demo profile: the sandbox is on and no money moves".to_owned());
    }
    if config.profile != Profile::Production && stripe.secret_key.as_ref().is_some_and(is_live) {
        let variable = super::keys::variable("stripe.secret_key");
        warnings.push(format!("{variable} is a live key: real money moves in this profile too"));
    }
    if stripe.secret_key.is_some() && stripe.webhook_secrets.is_empty() {
        let variable = super::keys::variable("stripe.webhook_secrets");
        warnings.push(format!("{variable} is not set: Stripe's webhooks will be refused"));
    }
    if config.mail.smtp_url.is_none() && config.mail.folder.is_none() {
        let variable = super::keys::variable("mail.smtp_url");
        warnings.push(format!("{variable} is not set: no mail is sent"));
    }
    warnings
}
