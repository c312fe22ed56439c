//! The effective configuration for people to read, without its secrets.

use std::fmt::Write;

use secrecy::{ExposeSecret, SecretString};

use super::Config;

const MASK: &str = "***";

/// Every setting as a line of TOML; one that is not set is a comment.
pub fn render(config: &Config) -> String {
    let lines = lines(config);
    let width = lines.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (key, value) in lines {
        let _ = match value {
            Some(value) => writeln!(text, "{key:width$} = {value}"),
            None => writeln!(text, "# {key} is not set"),
        };
    }
    text
}

/// In the order of [`super::keys::ALL`].
pub fn lines(config: &Config) -> Vec<(&'static str, Option<String>)> {
    let Config { profile, database, redis, http, metrics, embedded, auth, sandbox, .. } = config;
    let Config { stripe, payments, pledges, mail, rate_limit, log, otel, .. } = config;
    let Config { breaker, sweeper, .. } = config;
    let webhook_secrets = vec![quoted(MASK); stripe.webhook_secrets.len()].join(", ");
    let origins: Vec<String> = http.cors_origins.iter().map(quoted).collect();
    let proxies: Vec<String> = http.trusted_proxies.iter().map(quoted).collect();
    vec![
        ("profile", Some(quoted(profile))),
        ("database.url", url(database.url.as_ref())),
        ("database.replica_url", url(database.replica_url.as_ref())),
        ("database.replica_max_lag_seconds", Some(database.replica_max_lag_seconds.to_string())),
        ("database.max_connections", Some(database.max_connections.to_string())),
        ("database.migrate", Some(database.migrate.to_string())),
        ("database.pool_wait_seconds", Some(database.pool_wait_seconds.to_string())),
        ("database.wait_seconds", Some(database.wait_seconds.to_string())),
        ("redis.url", url(redis.url.as_ref())),
        ("redis.patience_ms", Some(redis.patience_ms.to_string())),
        ("http.bind", Some(quoted(http.bind))),
        ("http.workers", Some(http.workers.to_string())),
        ("http.drain_seconds", Some(http.drain_seconds.to_string())),
        ("http.read_timeout_seconds", Some(http.read_timeout_seconds.to_string())),
        ("http.trusted_proxies", Some(format!("[{}]", proxies.join(", ")))),
        ("http.cors_origins", Some(format!("[{}]", origins.join(", ")))),
        ("http.max_connections", Some(http.max_connections.to_string())),
        ("metrics.bind", Some(quoted(metrics.bind))),
        ("embedded.data_dir", Some(quoted(embedded.data_dir.display()))),
        ("auth.signing_key", secret(auth.signing_key.as_ref())),
        ("sandbox.enabled", Some(sandbox.enabled.to_string())),
        ("sandbox.webhook_secret", secret(sandbox.webhook_secret.as_ref())),
        ("sandbox.webhook_url", sandbox.webhook_url.as_deref().map(masked_url)),
        ("stripe.secret_key", secret(stripe.secret_key.as_ref())),
        ("stripe.webhook_secrets", Some(format!("[{webhook_secrets}]"))),
        ("stripe.api_base", Some(masked_url(&stripe.api_base))),
        ("payments.default_provider", Some(quoted(payments.default_provider))),
        ("payments.webhook_commit_seconds", Some(payments.webhook_commit_seconds.to_string())),
        ("breaker.window_calls", Some(breaker.window_calls.to_string())),
        ("breaker.failures", Some(breaker.failures.to_string())),
        ("breaker.open_seconds", Some(breaker.open_seconds.to_string())),
        ("breaker.probes", Some(breaker.probes.to_string())),
        ("sweeper.every_seconds", Some(sweeper.every_seconds.to_string())),
        ("sweeper.pending_after_seconds", Some(sweeper.pending_after_seconds.to_string())),
        ("sweeper.backoff_seconds", Some(sweeper.backoff_seconds.to_string())),
        ("sweeper.abandon_after_seconds", Some(sweeper.abandon_after_seconds.to_string())),
        ("sweeper.events_every_seconds", Some(sweeper.events_every_seconds.to_string())),
        ("sweeper.reconcile_every_seconds", Some(sweeper.reconcile_every_seconds.to_string())),
        ("sweeper.settle_seconds", Some(sweeper.settle_seconds.to_string())),
        ("sweeper.per_second", Some(sweeper.per_second.to_string())),
        ("pledges.min_amount_minor", Some(pledges.min_amount_minor.to_string())),
        ("pledges.max_amount_minor", Some(pledges.max_amount_minor.to_string())),
        ("mail.smtp_url", url(mail.smtp_url.as_ref())),
        ("mail.from", Some(quoted(&mail.from))),
        ("mail.folder", mail.folder.as_ref().map(|folder| quoted(folder.display()))),
        ("rate_limit.enabled", Some(rate_limit.enabled.to_string())),
        ("rate_limit.per_ip_per_minute", Some(rate_limit.per_ip_per_minute.to_string())),
        (
            "rate_limit.reads_per_ip_per_minute",
            Some(rate_limit.reads_per_ip_per_minute.to_string()),
        ),
        ("rate_limit.per_api_key_per_minute", Some(rate_limit.per_api_key_per_minute.to_string())),
        ("rate_limit.auth_per_minute", Some(rate_limit.auth_per_minute.to_string())),
        (
            "rate_limit.payments_per_ip_per_hour",
            Some(rate_limit.payments_per_ip_per_hour.to_string()),
        ),
        (
            "rate_limit.payments_per_user_per_hour",
            Some(rate_limit.payments_per_user_per_hour.to_string()),
        ),
        (
            "rate_limit.payments_per_source_per_hour",
            Some(rate_limit.payments_per_source_per_hour.to_string()),
        ),
        ("log.format", Some(quoted(log.format))),
        ("log.filter", Some(quoted(&log.filter))),
        ("otel.endpoint", otel.endpoint.as_deref().map(masked_url)),
        ("otel.service_name", Some(quoted(&otel.service_name))),
        ("otel.sample_ratio", Some(otel.sample_ratio.to_string())),
    ]
}

/// As a string of TOML.
#[allow(clippy::needless_pass_by_value, reason = "callers pass what they have")]
fn quoted(value: impl ToString) -> String {
    format!("{:?}", value.to_string())
}

fn secret(secret: Option<&SecretString>) -> Option<String> {
    secret.map(|_| quoted(MASK))
}

fn url(url: Option<&SecretString>) -> Option<String> {
    url.map(|url| masked_url(url.expose_secret()))
}

/// A URL without its password. Rather too much is hidden than too little: up to the last `@`,
/// because a password may hold a slash or a question mark that was not escaped.
fn masked_url(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (account, rest) = match rest.rsplit_once('@') {
        Some((account, rest)) => match account.split_once(':') {
            Some((user, _)) => (format!("{user}:{MASK}@"), rest),
            None => (format!("{account}@"), rest),
        },
        None => (String::new(), rest),
    };
    let (address, query) = rest.split_once('?').map_or((rest, None), |(a, q)| (a, Some(q)));
    let query = query.map(|query| {
        let masked = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) if hidden(name) => format!("{name}={MASK}"),
            _ => pair.to_owned(),
        });
        format!("?{}", masked.collect::<Vec<_>>().join("&"))
    });
    quoted(format!("{scheme}://{account}{address}{}", query.unwrap_or_default()))
}

fn hidden(parameter: &str) -> bool {
    let parameter = parameter.to_lowercase();
    ["password", "token", "secret", "key"].iter().any(|word| parameter.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls_are_hidden_and_the_rest_is_shown() {
        let cases = [
            (
                "postgres://u:p@h:5432/d?sslmode=require",
                "postgres://u:***@h:5432/d?sslmode=require",
            ),
            ("postgres://u:p/w@x@h/d", "postgres://u:***@h/d"),
            ("postgres://u:p?w/@h/d", "postgres://u:***@h/d"),
            ("postgres://u@/d?host=%2Ftmp&password=p", "postgres://u@/d?host=%2Ftmp&password=***"),
            ("redis://:p@h/0", "redis://:***@h/0"),
            ("redis://h/0", "redis://h/0"),
        ];
        for (url, masked) in cases {
            assert_eq!(masked_url(url), format!("{masked:?}"));
        }
    }
}
