//! The names: which settings exist, and what the environment calls them.

/// The prefix of our variables.
const PREFIX: &str = "CAREFORALL_";

/// Variables of scripts and of developers, none of our business.
const IGNORED: &str = "CAREFORALL_DEV_";

/// Every setting; a test compares the list with the structs.
pub const ALL: [&str; 58] = [
    "profile",
    "database.url",
    "database.replica_url",
    "database.replica_max_lag_seconds",
    "database.max_connections",
    "database.migrate",
    "database.pool_wait_seconds",
    "database.wait_seconds",
    "redis.url",
    "redis.patience_ms",
    "http.bind",
    "http.workers",
    "http.drain_seconds",
    "http.read_timeout_seconds",
    "http.trusted_proxies",
    "http.cors_origins",
    "http.max_connections",
    "metrics.bind",
    "embedded.data_dir",
    "auth.signing_key",
    "sandbox.enabled",
    "sandbox.webhook_secret",
    "sandbox.webhook_url",
    "stripe.secret_key",
    "stripe.webhook_secrets",
    "stripe.api_base",
    "payments.default_provider",
    "payments.webhook_commit_seconds",
    "breaker.window_calls",
    "breaker.failures",
    "breaker.open_seconds",
    "breaker.probes",
    "sweeper.every_seconds",
    "sweeper.pending_after_seconds",
    "sweeper.backoff_seconds",
    "sweeper.abandon_after_seconds",
    "sweeper.events_every_seconds",
    "sweeper.reconcile_every_seconds",
    "sweeper.settle_seconds",
    "sweeper.per_second",
    "pledges.min_amount_minor",
    "pledges.max_amount_minor",
    "mail.smtp_url",
    "mail.from",
    "mail.folder",
    "rate_limit.enabled",
    "rate_limit.per_ip_per_minute",
    "rate_limit.reads_per_ip_per_minute",
    "rate_limit.per_api_key_per_minute",
    "rate_limit.auth_per_minute",
    "rate_limit.payments_per_ip_per_hour",
    "rate_limit.payments_per_user_per_hour",
    "rate_limit.payments_per_source_per_hour",
    "log.format",
    "log.filter",
    "otel.endpoint",
    "otel.service_name",
    "otel.sample_ratio",
];

/// Settings that the environment calls by a name everyone knows.
const BARE: [(&str, &str); 7] = [
    ("DATABASE_URL", "database.url"),
    ("DATABASE_REPLICA_URL", "database.replica_url"),
    ("REDIS_URL", "redis.url"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "otel.endpoint"),
    ("OTEL_SERVICE_NAME", "otel.service_name"),
    ("OTEL_TRACES_SAMPLER_ARG", "otel.sample_ratio"),
    ("RUST_LOG", "log.filter"),
];

/// What a variable of the environment is to us.
#[derive(Debug, PartialEq, Eq)]
pub enum Name {
    /// It sets this key.
    Key(&'static str),
    /// It carries our prefix, but there is no such setting.
    Unknown,
    /// It is none of ours.
    Foreign,
}

/// Reads a variable's name.
pub fn read(variable: &str) -> Name {
    if let Some((_, key)) = BARE.iter().find(|(bare, _)| *bare == variable) {
        return Name::Key(key);
    }
    if !variable.starts_with(PREFIX) || variable.starts_with(IGNORED) {
        return Name::Foreign;
    }
    match ALL.iter().find(|key| prefixed(key) == variable) {
        Some(key) => Name::Key(key),
        None => Name::Unknown,
    }
}

/// What the environment calls a key.
pub fn variable(key: &str) -> String {
    let bare = BARE.iter().find(|(_, bare_key)| *bare_key == key);
    bare.map_or_else(|| prefixed(key), |(name, _)| (*name).to_owned())
}

/// Whether this is the name everyone knows, which wins over the prefixed one.
pub fn is_bare(variable: &str) -> bool {
    BARE.iter().any(|(bare, _)| *bare == variable)
}

/// The existing variable that looks most like a mistyped one.
pub fn nearest(mistyped: &str) -> Option<String> {
    let scored = ALL.iter().map(|key| {
        let name = variable(key);
        (distance(mistyped, &name).min(distance(mistyped, &prefixed(key))), name)
    });
    scored.min_by_key(|(score, _)| *score).filter(|(score, _)| *score <= 3).map(|(_, name)| name)
}

fn prefixed(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

/// Levenshtein's.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_and_prefixed_names_set_the_same_key() {
        assert_eq!(read("DATABASE_URL"), Name::Key("database.url"));
        assert_eq!(read("CAREFORALL_DATABASE__URL"), Name::Key("database.url"));
        assert_eq!(read("CAREFORALL_PROFILE"), Name::Key("profile"));
        assert_eq!(
            read("CAREFORALL_RATE_LIMIT__PER_IP_PER_MINUTE"),
            Name::Key("rate_limit.per_ip_per_minute")
        );
    }

    #[test]
    fn names_of_others_are_none_of_ours() {
        assert_eq!(read("PATH"), Name::Foreign);
        assert_eq!(read("CAREFORALL_DEV_ANYTHING"), Name::Foreign);
    }

    #[test]
    fn a_name_with_our_prefix_must_exist() {
        for unknown in [
            "CAREFORALL_HTTP__BNID",
            "CAREFORALL_HTTP_BIND",
            "CAREFORALL_",
            "CAREFORALL_http__bind",
        ] {
            assert_eq!(read(unknown), Name::Unknown, "{unknown}");
        }
    }

    #[test]
    fn a_slip_is_recognised() {
        assert_eq!(nearest("CAREFORALL_HTTP__BNID").as_deref(), Some("CAREFORALL_HTTP__BIND"));
        assert_eq!(nearest("CAREFORALL_HTTP_BIND").as_deref(), Some("CAREFORALL_HTTP__BIND"));
        assert_eq!(nearest("CAREFORALL_SOMETHING_ELSE"), None);
    }
}
