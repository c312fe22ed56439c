//! `/metrics`, on a listener of its own.

use std::{net::TcpListener, time::Duration};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

use crate::platform::{circuit_breaker, event_bus, mailer, postgres::Database, rate_limit};

const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const SIZES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// How often gauges are sampled and histograms condensed.
const PERIOD: Duration = Duration::from_secs(5);

/// Installs the recorder for the whole process.
pub fn install() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Full("batch_size".into()), &SIZES)?
        .install_recorder()?;
    describe();
    Ok(handle)
}

fn describe() {
    event_bus::describe_metrics();
    circuit_breaker::describe_metrics();
    metrics_process::Collector::default().describe();
    describe_counter!("http_requests_total", "HTTP requests by method, route and status");
    describe_histogram!("http_request_duration_seconds", Unit::Seconds, "Time to answer");
    describe_histogram!("batch_size", "Requests written in one flush, by writer");
    describe_counter!("idempotency_requests_total", "Idempotent requests by how the key was found");
    describe_counter!("webhooks_total", "Webhooks received, by provider and outcome");
    describe_counter!("webhooks_processed_total", "Webhooks applied, by the state they reached");
    describe_gauge!("inbox_events", "Webhooks in the inbox that are not final, by state");
    describe_gauge!("reconciliation_drift", "Contradictions between books, by check");
    describe_gauge!(
        "reconciliation_age_seconds",
        Unit::Seconds,
        "Since the books were last compared, by kind: `changes`, `all`"
    );
    describe_counter!("sandbox_webhook_attempts_total", "The sandbox's webhooks, by outcome");
    describe_counter!("stripe_requests_total", "Calls to Stripe, each attempt, by outcome");
    describe_counter!(
        "stripe_mode_mismatches_total",
        "Test objects with a live key, or vice versa"
    );
    describe_counter!("payments_total", "Payments that reached a status, by provider");
    describe_counter!("payment_signals_total", "Worth a look: late captures, clamps, mismatches");
    describe_counter!("payment_second_captures_total", "Captured again for one pledge: refunded");
    describe_counter!("refunds_total", "Refunds asked for, and refused, by provider");
    describe_counter!("provider_id_conflicts_total", "Payments that a provider named twice");
    describe_counter!("sweeper_looks_total", "Payments asked about by the sweeper, by outcome");
    describe_counter!("authorizations_expiring_total", "Looks at holds about to expire");
    describe_counter!("provider_events_read_total", "Events that no webhook had brought");
    describe_gauge!("provider_reconciliation_findings", "Not alike in both books, by kind");
    describe_counter!("cache_requests_total", "Cache look-ups by cache and outcome");
    describe_counter!("redis_calls_total", "Calls to Redis by outcome");
    describe_counter!("auth_refresh_reuse_total", "Refresh tokens that were used twice");
    describe_counter!("auth_attempts_refused_total", "Tries at a password that came too soon");
    describe_counter!("auth_mail_requests_total", "Requests for mailed tokens, by outcome");
    mailer::describe_metrics();
    rate_limit::describe_metrics();
    describe_gauge!("db_pool_connections", "Connections of the pool by state");
    describe_gauge!("db_pool_waiting", "Requests that wait for a connection");
}

/// Samples what nobody counts, until told to stop.
#[allow(clippy::cast_precision_loss, reason = "gauges are floats")]
pub async fn sample(database: Database, recorder: PrometheusHandle, stop: CancellationToken) {
    let process = metrics_process::Collector::default();
    while stop.run_until_cancelled(tokio::time::sleep(PERIOD)).await.is_some() {
        let pool = database.status();
        gauge!("db_pool_connections", "state" => "idle").set(pool.available as f64);
        let used = pool.size.saturating_sub(pool.available);
        gauge!("db_pool_connections", "state" => "used").set(used as f64);
        gauge!("db_pool_connections", "state" => "max").set(pool.max_size as f64);
        gauge!("db_pool_waiting").set(pool.waiting as f64);
        process.collect();
        recorder.run_upkeep();
    }
}

/// Serves the text format of Prometheus.
pub fn serve(recorder: PrometheusHandle, listener: TcpListener) -> std::io::Result<ServerHandle> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(recorder.clone()))
            .route("/metrics", web::get().to(render))
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(2)
    .listen(listener)?
    .run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}

async fn render(recorder: web::Data<PrometheusHandle>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(recorder.render())
}
