//! Rate limits at the door: one for every request, and more for what handlers know better.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{HeaderName, TRANSFER_ENCODING},
    },
    middleware::Next,
};
use uuid::Uuid;

use super::{ClientAddress, body::Unread, respond::problem_response};
use crate::{
    kernel::problem::{Problem, ProblemCode},
    platform::rate_limit::{Class, Key, RateLimiter, Standing},
};

/// In a request's extensions: its API key is in order, so that only the key's own limit counts.
#[derive(Debug, Clone, Copy)]
pub struct KeyHolder(pub Uuid);

const HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("ratelimit-limit"),
    HeaderName::from_static("ratelimit-remaining"),
    HeaderName::from_static("ratelimit-reset"),
];

/// Wraps the application where limits are on, inside of whatever recognises API keys.
pub async fn limit(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let key = if exempt(request.path()) { None } else { general(&request) };
    let (Some(limiter), Some(key)) = (limiter(request.request()), key) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let standing = limiter.spend(key).await;
    let mut response = match refusal(&standing) {
        Some(problem) => refuse(request, problem),
        None => next.call(request).await?.map_into_boxed_body(),
    };
    // a handler's own limit is the closer one
    let own = response.request().extensions_mut().remove::<Standing>();
    let Standing { limit, remaining, reset, .. } = own.unwrap_or(standing);
    for (name, value) in HEADERS.into_iter().zip([limit, remaining, reset]) {
        response.headers_mut().insert(name, value.into());
    }
    Ok(response)
}

/// Probes come from the house, and webhooks prove whose they are by their signature.
pub(super) fn exempt(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz" | "/health") || path.starts_with("/api/v1/webhooks/")
}

fn general(request: &ServiceRequest) -> Option<Key> {
    if let Some(KeyHolder(id)) = request.extensions().get::<KeyHolder>() {
        return Some(Key::id(Class::ApiKey, *id));
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let class = if reads { Class::Reads } else { Class::Writes };
    ClientAddress::of(request.request()).map(|client| Key::address(class, client.0))
}

fn limiter(request: &HttpRequest) -> Option<RateLimiter> {
    request.app_data::<RateLimiter>().cloned()
}

fn refuse(mut request: ServiceRequest, problem: Problem) -> ServiceResponse<BoxBody> {
    if request.headers().contains_key(TRANSFER_ENCODING) {
        // nobody knows how much is still to come
        let unread = Unread::new(request.take_payload());
        request.extensions_mut().insert(unread);
    }
    request.into_response(problem_response(problem))
}

fn refusal(standing: &Standing) -> Option<Problem> {
    let seconds = standing.retry_after?;
    let detail = format!("more than {} requests in a short time", standing.limit);
    let mut problem = Problem::new(ProblemCode::RateLimited, detail);
    problem.retry_after = Some(seconds);
    Some(problem)
}

/// Limits beyond the general one. Where limits are off, everything is granted.
#[derive(Clone)]
pub struct Limits {
    request: HttpRequest,
}

impl Limits {
    /// Counts one act upon an account from the client's address; `account` in its normal form.
    pub async fn account(&self, account: &str) -> Result<(), Problem> {
        let Some(ClientAddress(address)) = ClientAddress::of(&self.request) else { return Ok(()) };
        self.spend(Key::account(address, account)).await
    }

    /// Counts one request of the client's address.
    pub async fn address(&self, class: Class) -> Result<(), Problem> {
        let Some(ClientAddress(address)) = ClientAddress::of(&self.request) else { return Ok(()) };
        self.spend(Key::address(class, address)).await
    }

    /// Counts one request; 429 `rate-limited` if it is one too many.
    pub async fn spend(&self, key: Key) -> Result<(), Problem> {
        let Some(limiter) = limiter(&self.request) else { return Ok(()) };
        let standing = limiter.spend(key).await;
        self.request.extensions_mut().insert(standing);
        refusal(&standing).map_or(Ok(()), Err)
    }

    /// Refuses, without counting anything, whoever has used a limit up.
    pub fn check(&self, class: Class) -> Result<(), Problem> {
        let limiter = limiter(&self.request);
        let (Some(limiter), Some(client)) = (limiter, ClientAddress::of(&self.request)) else {
            return Ok(());
        };
        refusal(&limiter.peek(Key::address(class, client.0))).map_or(Ok(()), Err)
    }
}

impl From<&HttpRequest> for Limits {
    fn from(request: &HttpRequest) -> Self {
        Self { request: request.clone() }
    }
}

impl FromRequest for Limits {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(request.into()))
    }
}
