//! The dashboards of `deploy/grafana`.

use std::{collections::BTreeSet, fs};

use careforall::app::metrics::{CATALOG, Metric};
use serde_json::Value;

use super::{
    promql::{Asked, asked},
    rules::{expressions, recorded},
};
use crate::{
    metrics::{stir, whole},
    support::{donation::PATIENCE, eventually, prometheus::Prometheus, sources},
};

/// Panel and query, of each dashboard.
fn queries() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for dashboard in ["overview", "business"] {
        let file = format!("deploy/grafana/dashboards/{dashboard}.json");
        let text = fs::read_to_string(sources::root().join(file)).unwrap();
        let dashboard: Value = serde_json::from_str(&text).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            let title = panel["title"].as_str().unwrap();
            for target in panel["targets"].as_array().into_iter().flatten() {
                found.push((title.to_owned(), target["expr"].as_str().unwrap().to_owned()));
            }
        }
    }
    assert!(found.len() > 60, "the search finds nothing: {found:?}");
    found
}

fn listed(name: &str) -> Option<&'static Metric> {
    let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
    let all = || CATALOG.iter().flat_map(|(_, metrics)| *metrics);
    all().find(|metric| metric.name == name).or_else(|| all().find(|m| Some(m.name) == base))
}

/// Fails where a query asks for a metric that is neither listed nor recorded, or for a label that
/// none of its metrics has.
pub fn answerable(what: &str, asked: &Asked) {
    let recorded = recorded();
    let mut labels: BTreeSet<&str> = ["instance", "job", "le"].into();
    let mut derived = false;
    for name in &asked.metrics {
        match listed(name) {
            Some(metric) => labels.extend(metric.labels),
            None if recorded.contains(name) => derived = true,
            None => panic!("{what}: nobody tells {name}"),
        }
    }
    let all = CATALOG.iter().flat_map(|(_, metrics)| *metrics).flat_map(|metric| metric.labels);
    if derived {
        labels.extend(all);
    }
    for label in &asked.labels {
        assert!(labels.contains(label.as_str()), "{what}: none of its metrics has {label}");
    }
}

#[test]
fn dashboards_ask_for_nothing_that_nobody_tells() {
    for (panel, query) in queries() {
        answerable(&panel, &asked(&query));
    }
}

/// A real Prometheus with our rules, over a real server that has seen a donation.
#[tokio::test(flavor = "multi_thread")]
async fn prometheus_answers_every_query_with_what_the_server_tells() {
    let (server, _redis) = whole().await;
    let prometheus = Prometheus::scraping(&server);
    prometheus.has("up").await;
    stir(&server).await;
    let told = eventually(PATIENCE, || async {
        // a counter that has grown before it is first seen has no rate: it grows on
        server.client().get("/api/v1/campaigns").send().await.expect(200);
        let told = prometheus.names().await;
        // the last to come: a rate of a recording rule needs two scrapes and an evaluation
        let all = [
            "careforall:http_errors:ratio_rate5m",
            "inbox_events",
            "donations_captured_minor_total",
        ];
        all.iter().all(|name| told.contains(*name)).then_some(told)
    })
    .await;
    let all =
        queries().into_iter().chain(expressions().into_iter().map(|e| ("a rule".to_owned(), e)));
    let mut answered = 0;
    for (panel, query) in all {
        let compares = query.contains(" > ") || query.contains(" == ") || query.contains(" >= ");
        let known = asked(&query).metrics.iter().all(|name| told.contains(name));
        // what counts nothing yet, such as refunds, has no figures; an alert has none on a good day
        if known && !compares && !query.contains("5..") && !query.contains("\"failed\"") {
            eprintln!("{panel}: {query}");
            eventually(PATIENCE, || async { !prometheus.query(&query).await.is_empty() }).await;
            answered += 1;
        } else {
            // at least it can be asked
            prometheus.query(&query).await;
        }
    }
    assert!(answered > 50, "{answered}");
}
