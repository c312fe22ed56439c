//! What is noted of every request at its end: a counter, a time, a log line.

use std::{cell::RefCell, collections::HashMap, time::Instant};

use actix_web::{body::BoxBody, dev::ServiceResponse};
use metrics::{Counter, Histogram, counter, histogram};

use super::edge::RequestContext;
use crate::platform::telemetry::{Span, names};

/// What distinguishes one series of the request metrics from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Series {
    method: &'static str,
    route: String,
    status: u16,
}

thread_local! {
    /// Looking a metric up by its labels costs more than most requests have to spare. Routes,
    /// methods and statuses are few, and so are the entries.
    static SERIES: RefCell<HashMap<Series, (Counter, Histogram)>> = RefCell::default();
}

/// Tells the trace of the end of a request. A path holds ids at most; the query, which may hold what
/// somebody typed, is left out.
pub fn record(
    span: &mut Span,
    response: &ServiceResponse<BoxBody>,
    method: &'static str,
    route: &str,
) {
    let status = response.status();
    span.rename(format!("{method} {route}"));
    span.set(names::HTTP_REQUEST_METHOD, method);
    span.set(names::HTTP_ROUTE, route.to_owned());
    span.set(names::HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()));
    span.set(names::URL_PATH, response.request().path().to_owned());
    span.set(names::URL_SCHEME, response.request().connection_info().scheme().to_owned());
    if status.is_server_error() {
        span.fail(status.as_str().to_owned());
    }
}

/// Notes the end of a request.
pub fn observe(
    response: &ServiceResponse<BoxBody>,
    context: &RequestContext,
    method: &'static str,
    route: String,
    started: Instant,
) {
    let elapsed = started.elapsed();
    let series = Series { method, route, status: response.status().as_u16() };
    tracing::info!(
        parent: None,
        trace_id = context.trace_id,
        http.request.method = method,
        http.route = series.route,
        http.response.status_code = series.status,
        duration_ms = elapsed.as_secs_f64() * 1000.0,
        request_id = context.request_id,
        "request"
    );
    SERIES.with_borrow_mut(|known| {
        let entry = known.entry(series);
        let (requests, duration) = entry.or_insert_with_key(register);
        requests.increment(1);
        duration.record(elapsed);
    });
}

fn register(series: &Series) -> (Counter, Histogram) {
    let Series { method, route, status } = series;
    let (route, status) = (route.clone(), status.to_string());
    (
        counter!("http_requests_total", "method" => *method, "route" => route.clone(),
                 "status" => status),
        histogram!("http_request_duration_seconds", "method" => *method, "route" => route),
    )
}

/// The pattern of the route, not the path: labels must stay few, whoever answers, and also where a
/// request was refused before it came to its route.
pub fn route_of(response: &ServiceResponse<BoxBody>) -> String {
    match response.request().match_pattern() {
        Some(page) if page.starts_with("/docs") => "/docs".to_owned(),
        Some(pattern) => pattern,
        None => "unmatched".to_owned(),
    }
}
