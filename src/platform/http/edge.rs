//! The one middleware: gives every request an id and a trace, every answer its headers, every
//! problem its body; counts, times and logs.

use std::{borrow::Cow, time::Instant};

use actix_web::{
    HttpMessage, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER},
    },
    middleware::Next,
};
use tracing::Instrument;

use super::body::Unread;
use crate::{
    kernel::{
        clock,
        problem::{Problem, ProblemCode},
    },
    platform::telemetry::{self, TraceContext},
};

/// Who asked, as far as logs and audit are concerned.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// The client's `X-Request-Id`, or one of ours.
    pub request_id: String,
    pub trace: TraceContext,
}

/// Headers on every answer (OWASP REST Security Cheat Sheet).
const SECURITY_HEADERS: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
];

const API_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";
const PAGE_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
                           img-src 'self' data:; frame-ancestors 'none'";

/// Wraps the whole application.
pub async fn edge(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let started = Instant::now();
    let method = known_method(request.method());
    if request.method() == Method::HEAD {
        // answered like GET (RFC 9110, section 9.3.2); the server leaves the body out
        request.head_mut().method = Method::GET;
    }
    let context = RequestContext { request_id: request_id(&request), trace: trace(&request) };
    request.extensions_mut().insert(context.clone());
    let span = tracing::info_span!("request", trace_id = %context.trace.trace_id());
    let outcome =
        telemetry::scope(context.trace, next.call(request)).instrument(span.clone()).await;
    let mut response = outcome?.map_into_boxed_body();
    let route = route_of(&response);
    render_problem(&mut response, &context);
    add_headers(&mut response, &context);
    span.in_scope(|| observe(&response, &context, (method, &route), started));
    Ok(response)
}

/// The client's id, if it is short and visible ASCII.
fn request_id(request: &ServiceRequest) -> String {
    request
        .headers()
        .get("x-request-id")
        .and_then(|v| v.to_str().ok())
        .filter(|v| (1..=128).contains(&v.len()) && v.bytes().all(|b| b.is_ascii_graphic()))
        .map_or_else(|| clock::new_id().to_string(), str::to_owned)
}

fn trace(request: &ServiceRequest) -> TraceContext {
    let incoming = request.headers().get("traceparent").and_then(|v| v.to_str().ok());
    incoming
        .and_then(|v| v.parse::<TraceContext>().ok())
        .map_or_else(TraceContext::root, TraceContext::child)
}

/// Gives problems, ours and the framework's, their body.
fn render_problem(response: &mut ServiceResponse<BoxBody>, context: &RequestContext) {
    let status = response.status();
    let own_body = response.response().extensions().contains::<OwnBody>();
    if !(status.is_client_error() || status.is_server_error()) || own_body {
        return;
    }
    let problem = response.response_mut().extensions_mut().remove::<Problem>();
    let problem = problem.unwrap_or_else(|| {
        let code = ProblemCode::from_status(status.as_u16());
        Problem::new(code, code.explanation())
    });
    let body = problem.body(response.request().path(), &context.trace.trace_id());
    let mut rendered = HttpResponse::build(response.status());
    for (name, value) in response.headers() {
        if name != CONTENT_TYPE {
            rendered.append_header((name, value));
        }
    }
    if let Some(seconds) = problem.retry_after {
        rendered.insert_header((RETRY_AFTER, seconds));
    }
    if status.as_u16() == 401 && !problem.code.as_str().starts_with("webhook") {
        rendered.insert_header(("www-authenticate", "Bearer"));
    }
    rendered.content_type("application/problem+json");
    let mut rendered = rendered.body(body.to_string());
    if let Some(unread) = response.request().extensions_mut().remove::<Unread>() {
        rendered = rendered.map_body(|_, body| unread.beneath(body));
    }
    *response.response_mut() = rendered;
}

/// Marks an error response that keeps the body it has (`/readyz`, `/health`).
#[derive(Debug, Clone, Copy)]
pub struct OwnBody;

fn add_headers(response: &mut ServiceResponse<BoxBody>, context: &RequestContext) {
    let page = response.request().path().starts_with("/docs");
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("x-request-id", &context.request_id);
    set("trace-id", &context.trace.trace_id());
    set("content-security-policy", if page { PAGE_POLICY } else { API_POLICY });
    for (name, value) in SECURITY_HEADERS {
        set(name, value);
    }
    let fresh = HeaderName::from_static("cache-control");
    if !headers.contains_key(&fresh) && !page {
        headers.insert(fresh, HeaderValue::from_static("no-store"));
    }
}

fn observe(
    response: &ServiceResponse<BoxBody>,
    context: &RequestContext,
    (method, route): (&'static str, &str),
    started: Instant,
) {
    let status = response.status().as_u16();
    let elapsed = started.elapsed();
    let labels = [
        ("method", method.to_owned()),
        ("route", route.to_owned()),
        ("status", status.to_string()),
    ];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_duration_seconds", "method" => method, "route" => route.to_owned())
        .record(elapsed);
    tracing::info!(
        trace_id = %context.trace.trace_id(),
        http.request.method = method,
        http.route = route,
        http.response.status_code = status,
        duration_ms = elapsed.as_secs_f64() * 1000.0,
        request_id = context.request_id,
        "request"
    );
}

/// The pattern of the route, not the path: labels must stay few. It is put together from what the
/// router has found; `match_pattern` would match the path against every route once more.
fn route_of(response: &ServiceResponse<BoxBody>) -> String {
    let found = response.request().match_info();
    if response.response().extensions().contains::<Unmatched>() {
        return "unmatched".to_owned();
    }
    if found.as_str().starts_with("/docs") {
        return "/docs".to_owned();
    }
    let mut segments: Vec<Cow<'_, str>> = found.as_str().split('/').map(Cow::from).collect();
    for (name, value) in found.iter() {
        if let Some(segment) = segments.iter_mut().rev().find(|segment| *segment == value) {
            *segment = format!("{{{name}}}").into();
        }
    }
    segments.join("/")
}

/// Marks the answer to a path that no route has.
#[derive(Debug, Clone, Copy)]
pub struct Unmatched;

fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PATCH" => "PATCH",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}
