//! Every metric of the server: its kind, its labels and what it says. `docs/METRICS.md` is printed
//! from this list, and a test holds the list against the sources and a running server.

use std::fmt::Write;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// What Prometheus calls its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    /// Their names; the values of each are few.
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

type Labels = &'static [&'static str];

const fn counter(name: &'static str, labels: Labels, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: Labels, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, help }
}

const fn histogram(name: &'static str, labels: Labels, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram, labels, help }
}

/// By what they are about.
pub const CATALOG: &[(&str, &[Metric])] = &[
    ("HTTP", HTTP),
    ("Pledges and payments", PAYMENTS),
    ("Webhooks and providers", PROVIDERS),
    ("Requests made once", ONCE),
    ("Event bus", BUS),
    ("Books", BOOKS),
    ("People", PEOPLE),
    ("Database, Redis and runtime", RESOURCES),
    ("Process", PROCESS),
];

const HTTP: &[Metric] = &[
    counter("http_requests_total", &["method", "route", "status"], "Requests answered"),
    histogram("http_request_duration_seconds", &["method", "route"], "Time to answer"),
    counter("rate_limited_total", &["class"], "Requests refused for coming too often"),
];

const PAYMENTS: &[Metric] = &[
    counter("pledges_created_total", &[], "Pledges made; repetitions are not counted"),
    counter("payments_total", &["status", "provider"], "Payments that reached a status"),
    histogram(
        "payment_processing_duration_seconds",
        &["provider", "status"],
        "From the making of a payment until it was first captured or failed",
    ),
    counter(
        "donations_captured_minor_total",
        &["currency"],
        "Money captured, in the currency's minor unit",
    ),
    gauge(
        "payments_stuck",
        &["reason"],
        "Payments that should have come to an end: unpaid for too long, or held and not captured",
    ),
    counter(
        "payment_signals_total",
        &["signal"],
        "Worth a look: late captures, clamps, mismatches",
    ),
    counter(
        "payment_second_captures_total",
        &["provider"],
        "Captured again for one pledge: refunded",
    ),
    counter("refunds_total", &["status", "provider"], "Refunds asked for, and refused"),
    counter(
        "refunds_skipped_total",
        &["provider"],
        "Gifts of a cancelled campaign that could not be given back",
    ),
    counter("authorizations_expiring_total", &["provider"], "Looks at holds about to expire"),
];

const PROVIDERS: &[Metric] = &[
    counter("webhooks_total", &["provider", "outcome"], "Webhooks received"),
    counter("webhooks_processed_total", &["status"], "Webhooks by the state they reached"),
    gauge(
        "inbox_events",
        &["status"],
        "Webhooks in the inbox that are not final, or need a person",
    ),
    gauge("circuit_breaker_state", &["provider"], "0 closed, 1 half-open, 2 open"),
    counter("circuit_breaker_transitions_total", &["provider", "to"], "Changes of its state"),
    counter("provider_events_read_total", &["provider"], "Events that no webhook had brought"),
    counter("provider_id_conflicts_total", &["provider"], "Payments that a provider named twice"),
    counter("sweeper_looks_total", &["outcome"], "Payments that the sweeper asked about"),
    counter("stripe_requests_total", &["outcome"], "Calls to Stripe, each attempt"),
    counter(
        "stripe_mode_mismatches_total",
        &["seen_in"],
        "Test objects with a live key, or vice versa",
    ),
    counter("sandbox_webhook_attempts_total", &["outcome"], "Webhooks that the sandbox sent"),
];

const ONCE: &[Metric] = &[
    counter(
        "idempotency_requests_total",
        &["outcome"],
        "Idempotent requests by how the key was found: new, replayed, reused, in_progress, taken_over",
    ),
    counter(
        "cache_requests_total",
        &["cache", "outcome"],
        "Look-ups by where the answer was: process_cache, redis, read_model, or unknown",
    ),
    histogram("batch_size", &["writer"], "Requests in one flush"),
    gauge("batch_queue_length", &["writer"], "Requests that wait for the next flush"),
    counter("batch_refused_total", &["writer"], "Requests refused because the queue was full"),
];

const BUS: &[Metric] = &[
    gauge("outbox_oldest_unsequenced_seconds", &[], "Age of the oldest event not in the log"),
    gauge(
        "consumer_lag_events",
        &["consumer"],
        "Places of the log that a consumer has yet to pass",
    ),
    gauge("consumer_lag_seconds", &["consumer"], "Age of the first event it has not passed"),
    gauge("dead_letters", &["consumer"], "Events given up on, until they are replayed"),
    counter("events_sequenced_total", &[], "Events moved from the outbox to the log"),
    counter("events_consumed_total", &["consumer"], "Events applied"),
    counter("outbox_strays_total", &[], "Events found below the floor: must stay 0"),
];

const BOOKS: &[Metric] = &[
    gauge("reconciliation_drift", &["check"], "Contradictions between our books: must stay 0"),
    gauge(
        "reconciliation_age_seconds",
        &["kind"],
        "Since the books were last compared; kind: changes, all",
    ),
    gauge(
        "provider_reconciliation_findings",
        &["provider", "kind"],
        "Payments that are not alike in a provider's books and ours: must stay 0",
    ),
];

const PEOPLE: &[Metric] = &[
    counter("auth_refresh_reuse_total", &[], "Refresh tokens that were used twice"),
    counter("auth_attempts_refused_total", &[], "Tries at a password that came too soon"),
    counter("auth_mail_requests_total", &["purpose", "outcome"], "Requests for mailed tokens"),
    counter("mail_attempts_total", &["outcome"], "Attempts to send a mail"),
];

const RESOURCES: &[Metric] = &[
    gauge("db_pool_connections", &["state"], "Connections to Postgres; state: idle, used, max"),
    gauge("db_pool_waiting", &[], "Requests that wait for a connection"),
    gauge("db_replica_lag_seconds", &[], "How old the read replica's data may be at most"),
    counter(
        "db_replica_reads_total",
        &["outcome"],
        "Reads that may be a little old, by who answered: replica, primary",
    ),
    gauge("redis_pool_connections", &["state"], "Connections to Redis; state: idle, used, max"),
    counter("redis_calls_total", &["outcome"], "Calls to Redis"),
    gauge("tokio_workers", &[], "Threads of the runtime that does the background work"),
    gauge("tokio_alive_tasks", &[], "Tasks of that runtime that have not ended"),
    gauge("tokio_global_queue_length", &[], "Tasks that wait for one of its threads"),
    counter("tokio_busy_seconds_total", &[], "Time its threads were busy, all together"),
    gauge("build_info", &["version"], "1; the label says what runs"),
];

/// Described by the crate that samples them.
const PROCESS: &[Metric] = &[
    counter("process_cpu_seconds_total", &[], "Time on a processor"),
    gauge("process_open_fds", &[], "Open files and sockets"),
    gauge("process_max_fds", &[], "How many there may be"),
    gauge("process_virtual_memory_bytes", &[], "Address space"),
    gauge("process_virtual_memory_max_bytes", &[], "How much there may be"),
    gauge("process_resident_memory_bytes", &[], "Memory in use"),
    gauge("process_start_time_seconds", &[], "When it started, since 1970"),
    gauge("process_threads", &[], "Threads"),
];

/// Tells the recorder what each means.
pub fn describe() {
    metrics_process::Collector::default().describe();
    let ours = CATALOG.iter().filter(|(title, _)| *title != "Process");
    for metric in ours.flat_map(|(_, metrics)| *metrics) {
        let Metric { name, help, kind, .. } = *metric;
        match kind {
            Kind::Counter => describe_counter!(name, help),
            Kind::Gauge => describe_gauge!(name, help),
            Kind::Histogram if name.ends_with("_seconds") => {
                describe_histogram!(name, Unit::Seconds, help);
            }
            Kind::Histogram => describe_histogram!(name, help),
        }
    }
}

/// The list as a page.
pub fn page() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         What `/metrics` says, on the listener of its own (`CAREFORALL_METRICS__BIND`, 127.0.0.1:9464). \
         Names and labels are stable: dashboards and alerts stand on them. Labels have few values; \
         `route` is the pattern, such as `/api/v1/pledges/{id}`, never a path. Counters begin at 0 with \
         the process, most of them when they are first counted; gauges are sampled every few seconds, those \
         of the database by every replica alike (take `max`, not `sum`).\n\n\
         Printed from `src/app/metrics/catalog.rs` by `UPDATE_METRICS=1 cargo test --test it metrics`.\n",
    );
    for (title, metrics) in CATALOG {
        let _ = write!(page, "\n## {title}\n| name | type | labels | says |\n|---|---|---|---|\n");
        for Metric { name, kind, labels, help } in *metrics {
            let kind = format!("{kind:?}").to_lowercase();
            let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
            let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
            let _ = writeln!(page, "| `{name}` | {kind} | {labels} | {help} |");
        }
    }
    page
}
