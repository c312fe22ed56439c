//! Which web pages of other origins may call us (the Fetch standard's CORS protocol).
//!
//! Credentials are bearer tokens that a page sends itself; nothing is kept in cookies, and
//! `Access-Control-Allow-Credentials` is never sent. So an origin that is allowed gains no more
//! than any program has, and one that is not allowed reads nothing in a browser.

use std::sync::Arc;

use actix_web::{
    HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderMap, HeaderValue},
    },
    middleware::Next,
};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PATCH, DELETE");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, x-idempotency-key, if-match, if-none-match, \
     x-request-id, traceparent",
);
const ANSWER_HEADERS: HeaderValue = HeaderValue::from_static(
    "etag, location, retry-after, idempotent-replayed, ratelimit-limit, ratelimit-remaining, \
     ratelimit-reset, x-request-id, trace-id",
);
/// How long a browser may remember a permission.
const MAX_AGE: HeaderValue = HeaderValue::from_static("3600");

/// The origins that may: application data of the server. `*` stands for all.
#[derive(Debug, Clone)]
pub struct Origins(pub Arc<[String]>);

impl Origins {
    /// What an answer to this origin says.
    fn allowed(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        if self.0.iter().any(|own| own == "*") {
            return Some(HeaderValue::from_static("*"));
        }
        self.0.iter().any(|own| own.as_bytes() == origin.as_bytes()).then(|| origin.clone())
    }
}

/// Wraps the application where there are such origins.
pub async fn cors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let origin = request.headers().get(header::ORIGIN);
    let allowed = origin.and_then(|origin| request.app_data::<Origins>()?.allowed(origin));
    let preflight = request.method() == Method::OPTIONS
        && origin.is_some()
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if preflight {
        let mut answer = HttpResponse::NoContent().finish();
        if allowed.is_some() {
            permit(answer.headers_mut());
        }
        request.into_response(answer)
    } else {
        next.call(request).await?.map_into_boxed_body()
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS);
    }
    Ok(response)
}

fn permit(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
}
