//! Requests that we send.

use opentelemetry::trace::SpanKind;
use opentelemetry_semantic_conventions::attribute::{
    HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE, SERVER_ADDRESS, SERVER_PORT, URL_FULL,
};
use reqwest::{Request, RequestBuilder, Response, header::HeaderValue};

use super::{
    span::Span,
    trace::{TraceContext, current},
};

/// Whether the other side is told of our trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    Traceparent,
    /// It is nobody whom it concerns.
    None,
}

/// Sends a request as a step of the trace under way.
pub async fn send(request: RequestBuilder, propagation: Propagation) -> reqwest::Result<Response> {
    let (client, request) = request.build_split();
    let mut request = request?;
    let mut span = Span::new(request.method().as_str().to_owned(), SpanKind::Client);
    if span.is_recording() {
        describe(&mut span, &request);
    }
    let trace = span.context().or_else(|| current().map(TraceContext::child));
    if let Some(trace) = trace.filter(|_| propagation == Propagation::Traceparent)
        && let Ok(value) = HeaderValue::from_str(&trace.to_string())
    {
        request.headers_mut().insert("traceparent", value);
    }
    let answer = span.scope(client.execute(request)).await;
    match &answer {
        Ok(answer) => {
            let status = answer.status();
            span.set(HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()));
            if status.is_client_error() || status.is_server_error() {
                span.fail(status.as_str().to_owned());
            }
        }
        Err(error) if error.is_timeout() => span.fail("timeout"),
        Err(error) if error.is_connect() => span.fail("connect"),
        Err(_) => span.fail("broken"),
    }
    answer
}

/// Without the query, and without credentials.
fn describe(span: &mut Span, request: &Request) {
    let url = request.url();
    let mut shown = url.clone();
    shown.set_query(None);
    // fails only for URLs without a host, which have none
    let _ = shown.set_username("").and_then(|()| shown.set_password(None));
    span.set(HTTP_REQUEST_METHOD, request.method().as_str().to_owned());
    span.set(SERVER_ADDRESS, url.host_str().unwrap_or_default().to_owned());
    span.set(SERVER_PORT, i64::from(url.port_or_known_default().unwrap_or_default()));
    span.set(URL_FULL, String::from(shown));
}
