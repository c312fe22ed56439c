//! Metrics are a contract: the list, the page, the sources and a running server say the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::Duration,
};

use careforall::app::metrics::{CATALOG, Kind, Metric, page};

use crate::support::{
    Redis, Server,
    donation::{Campaign, PATIENCE, builder, sign_up_admin},
    eventually,
    exposition::{Exposition, lint},
    sources,
};

fn all() -> impl Iterator<Item = &'static Metric> {
    CATALOG.iter().flat_map(|(_, metrics)| *metrics)
}

#[test]
fn the_page_is_printed_from_the_list() {
    let path = sources::root().join("docs/METRICS.md");
    if std::env::var_os("UPDATE_METRICS").is_some() {
        fs::write(&path, page()).unwrap();
    }
    let printed = fs::read_to_string(&path).unwrap_or_default();
    assert!(printed == page(), "docs/METRICS.md: UPDATE_METRICS=1 cargo test --test it metrics");
}

/// The names in `counter!("…"`, `gauge!("…"` and `histogram!("…"` of the sources.
fn counted() -> BTreeMap<String, Kind> {
    let mut names = BTreeMap::new();
    for (_, text) in sources::all() {
        let macros = [
            ("counter!(", Kind::Counter),
            ("gauge!(", Kind::Gauge),
            ("histogram!(", Kind::Histogram),
        ];
        for (call, kind) in macros {
            for (_, rest) in text.match_indices(call).map(|(at, _)| text.split_at(at + call.len()))
            {
                if let Some(rest) = rest.trim_start().strip_prefix('"') {
                    names.insert(rest.split('"').next().unwrap().to_owned(), kind);
                }
            }
        }
    }
    names
}

#[test]
fn what_the_sources_count_is_listed_and_what_is_listed_is_counted() {
    let counted = counted();
    assert!(counted.len() > 40, "the search finds nothing: {counted:?}");
    for (name, kind) in &counted {
        let listed = all().find(|metric| metric.name == name);
        assert_eq!(listed.map(|metric| metric.kind), Some(*kind), "{name} in catalog.rs");
    }
    // pools are set by one function, the process by its crate
    let elsewhere =
        |name: &str| name.starts_with("process_") || name.ends_with("_pool_connections");
    for Metric { name, .. } in all().filter(|metric| !elsewhere(metric.name)) {
        assert!(counted.contains_key(*name), "{name} is listed, and nothing counts it");
    }
}

#[test]
fn the_names_that_were_promised_are_there() {
    for (name, labels) in [
        ("http_requests_total", &["method", "route", "status"][..]),
        ("http_request_duration_seconds", &["method", "route"]),
        ("pledges_created_total", &[]),
        ("payments_total", &["status", "provider"]),
        ("payment_processing_duration_seconds", &["provider", "status"]),
        ("webhooks_total", &["provider", "outcome"]),
        ("idempotency_requests_total", &["outcome"]),
        ("cache_requests_total", &["cache", "outcome"]),
        ("outbox_oldest_unsequenced_seconds", &[]),
        ("consumer_lag_events", &["consumer"]),
        ("consumer_lag_seconds", &["consumer"]),
        ("dead_letters", &["consumer"]),
        ("inbox_events", &["status"]),
        ("donations_captured_minor_total", &["currency"]),
        ("reconciliation_drift", &["check"]),
        ("circuit_breaker_state", &["provider"]),
    ] {
        let found = all().find(|metric| metric.name == name);
        assert_eq!(found.map(|metric| metric.labels), Some(labels), "{name}");
    }
}

/// A server with everything.
pub async fn whole() -> (Server, Redis) {
    let redis = Redis::start();
    let server = builder()
        .env("REDIS_URL", redis.url())
        .env("CAREFORALL_SWEEPER__EVERY_SECONDS", "1")
        .start()
        .await;
    (server, redis)
}

/// A little of everything happens.
pub async fn stir(server: &Server) {
    let client = server.client();
    sign_up_admin(&client, &server.database().url()).await;
    let campaign = Campaign::open(&client).await;
    let gift = campaign.pledge(&client, 2500).await;
    gift.pay(&client, "pm_capture_first").await;
    gift.becomes(&client, "completed").await;
    campaign.pledge(&client, 100).await.pay(&client, "pm_duplicates").await;
    client.get(&format!("{}/totals", campaign.path())).send().await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_says_what_the_list_says() {
    let (server, _redis) = whole().await;
    stir(&server).await;
    let awaited = ["payment_processing_duration_seconds", "donations_captured_minor_total"];
    let sampled =
        ["inbox_events", "consumer_lag_seconds", "reconciliation_drift", "payments_stuck"];
    let text = eventually(PATIENCE, || async {
        let text = metrics_of(&server).await;
        let found = |name: &&str| text.contains(&format!("\n{name}"));
        (awaited.iter().all(found) && sampled.iter().all(found)).then_some(text)
    })
    .await;
    let shown = Exposition::read(&text);
    for (name, family) in &shown.families {
        let Some(listed) = all().find(|metric| metric.name == name) else {
            panic!("{name} is not listed");
        };
        assert_eq!(family.kind, format!("{:?}", listed.kind).to_lowercase(), "{name}");
        let labels: BTreeSet<&str> = listed.labels.iter().copied().collect();
        assert_eq!(family.label_names(), labels, "{name}");
        for (label, values) in &family.labels {
            assert!(values.len() < 40, "{name}: {label} has no bound: {values:?}");
        }
    }
    let value = |name: &str| shown.sum(name);
    assert_eq!(value("pledges_created_total"), 2);
    assert!(value("donations_captured_minor_total") >= 2500);
    assert_eq!(
        shown.families["donations_captured_minor_total"].labels["currency"].first().unwrap(),
        "USD"
    );
    assert_eq!(value("payments_stuck") + value("dead_letters") + value("reconciliation_drift"), 0);
    assert!(value("tokio_workers") >= 1 && value("redis_pool_connections") >= 1);
    lint(&text);
}

async fn metrics_of(server: &Server) -> String {
    let url = format!("{}/metrics", server.metrics_base());
    let answer = reqwest::Client::new().get(url).timeout(Duration::from_secs(5)).send().await;
    answer.unwrap().text().await.unwrap()
}
