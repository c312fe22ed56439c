//! The one middleware: gives every request an id and a trace, every answer its headers, every
//! problem its body; counts, times and logs.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    rc::Rc,
    time::Instant,
};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER},
    },
    middleware::Next,
};

use super::{
    body::Unread,
    observe::{observe, record, route_of},
};
use crate::{
    kernel::{
        clock,
        problem::{Problem, ProblemCode},
    },
    platform::telemetry::{self, Span, TraceContext},
};

/// Who asked, as far as logs and audit are concerned. In a request's extensions as an [`Rc`].
#[derive(Debug)]
pub struct RequestContext {
    /// The client's `X-Request-Id`, or one of ours.
    pub request_id: String,
    pub trace: TraceContext,
    /// Of `trace`, as it is shown: 32 hex digits.
    pub trace_id: String,
}

/// [`RequestContext::request_id`], for the audit log.
#[derive(Debug, Clone)]
pub struct RequestId(pub Option<String>);

impl FromRequest for RequestId {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(request.into()))
    }
}

impl From<&HttpRequest> for RequestId {
    fn from(request: &HttpRequest) -> Self {
        let extensions = request.extensions();
        Self(extensions.get::<Rc<RequestContext>>().map(|context| context.request_id.clone()))
    }
}

// from text, a name is parsed and copied at each look
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACE_ID: HeaderName = HeaderName::from_static("trace-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Headers on every answer (OWASP REST Security Cheat Sheet).
const SECURITY_HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        header::STRICT_TRANSPORT_SECURITY,
        HeaderValue::from_static("max-age=31536000; includeSubDomains"),
    ),
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
    let request_id = request_id(&request);
    let (trace, mut recorded) = Span::server(caller(&request));
    let context = Rc::new(RequestContext { request_id, trace, trace_id: trace.trace_id() });
    request.extensions_mut().insert(Rc::clone(&context));
    let outcome = telemetry::scope(context.trace, next.call(request)).await;
    let mut response = outcome?.map_into_boxed_body();
    let route = route_of(&response);
    render_problem(&mut response, &context);
    add_headers(&mut response, &context);
    if recorded.is_recording() {
        record(&mut recorded, &response, method, &route);
    }
    observe(&response, &context, method, route, started);
    Ok(response)
}

/// The client's id, if it is short and visible ASCII.
fn request_id(request: &ServiceRequest) -> String {
    request
        .headers()
        .get(X_REQUEST_ID)
        .and_then(|v| v.to_str().ok())
        .filter(|v| (1..=128).contains(&v.len()) && v.bytes().all(|b| b.is_ascii_graphic()))
        .map_or_else(|| clock::new_id().to_string(), str::to_owned)
}

/// The caller's place in its trace, if it says so.
fn caller(request: &ServiceRequest) -> Option<TraceContext> {
    request.headers().get(TRACEPARENT)?.to_str().ok()?.parse().ok()
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
    let body = problem.body(response.request().path(), &context.trace_id);
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
    for (name, id) in [(X_REQUEST_ID, &context.request_id), (TRACE_ID, &context.trace_id)] {
        if let Ok(value) = HeaderValue::from_str(id) {
            headers.insert(name, value);
        }
    }
    let policy = if page { PAGE_POLICY } else { API_POLICY };
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    for (name, value) in SECURITY_HEADERS {
        headers.insert(name, value);
    }
    if !headers.contains_key(header::CACHE_CONTROL) && !page {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

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
