//! The request's side: the header, the fingerprint, the body.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::IdempotencyKey;
use crate::{
    kernel::problem::{Problem, ProblemCode},
    platform::http::JsonBody,
};

/// The shortest key of a guest, so that nobody guesses or squats it.
const GUEST_KEY_CHARS: usize = 16;

/// A request on a route that requires an `Idempotency-Key`. Nothing is judged yet, not even whether
/// the body could be read: the caller's credentials and permissions come first.
#[derive(Debug)]
pub struct IdempotentRequest {
    header: Result<String, Problem>,
    body: Result<JsonBody, Problem>,
    /// Method, path and sorted query, as they go into the fingerprint.
    target: String,
}

/// A key in order, not yet in anybody's scope.
#[derive(Debug)]
pub struct UnscopedKey {
    key: String,
    fingerprint: [u8; 32],
}

impl FromRequest for IdempotentRequest {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let header = read_header(request);
        let mut query: Vec<&str> = request.query_string().split('&').collect();
        query.sort_unstable();
        let target = format!("{} {}?{}", request.method(), request.path(), query.join("&"));
        let body = JsonBody::from_request(request, payload);
        Box::pin(async move { Ok(Self { header, body: body.await, target }) })
    }
}

impl IdempotentRequest {
    /// Judges the key, then the body, in this order. A body may be left out where `T` has no
    /// required member.
    ///
    /// # Errors
    /// `idempotency-key-missing`, `idempotency-key-invalid`, then those of reading a body, then those
    /// of a JSON body.
    pub fn parse<T: DeserializeOwned>(self, guest: bool) -> Result<(T, UnscopedKey), Problem> {
        let key = self.header?;
        if guest && key.len() < GUEST_KEY_CHARS {
            return Err(invalid(format!(
                "a guest's key has at least {GUEST_KEY_CHARS} characters"
            )));
        }
        let json = self.body?.or_empty();
        let body = json.parse()?;
        let mut hasher = Sha256::new();
        hasher.update(self.target.as_bytes());
        hasher.update([0]);
        hasher.update(json.canonical()?);
        Ok((body, UnscopedKey { key, fingerprint: hasher.finalize().into() }))
    }
}

impl UnscopedKey {
    /// The key in the scope of its caller.
    pub fn scoped(self, scope: String) -> IdempotencyKey {
        IdempotencyKey { scope, key: self.key, fingerprint: self.fingerprint }
    }
}

fn read_header(request: &HttpRequest) -> Result<String, Problem> {
    let mut keys = Vec::new();
    for name in ["idempotency-key", "x-idempotency-key"] {
        for value in request.headers().get_all(name) {
            keys.push(value.to_str().map_err(|_| invalid("has characters beyond visible ASCII"))?);
        }
    }
    keys.dedup();
    match keys[..] {
        [] => Err(Problem::new(
            ProblemCode::IdempotencyKeyMissing,
            "send an Idempotency-Key header: 1 to 255 visible ASCII characters",
        )),
        [key] if (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) => {
            Ok(key.to_owned())
        }
        [_] => Err(invalid("a key is 1 to 255 visible ASCII characters")),
        _ => Err(invalid("two different keys were sent")),
    }
}

fn invalid(detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(ProblemCode::IdempotencyKeyInvalid, detail)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn header(pairs: &[(&'static str, &str)]) -> Result<String, ProblemCode> {
        let request = pairs.iter().fold(TestRequest::default(), |r, p| r.append_header(*p));
        read_header(&request.to_http_request()).map_err(|p| p.code)
    }

    #[test]
    fn keys_are_visible_ascii_and_unambiguous() {
        let (name, alias) = ("Idempotency-Key", "X-Idempotency-Key");
        assert_eq!(header(&[(name, "a")]), Ok("a".into()));
        assert_eq!(header(&[(alias, "a")]), Ok("a".into()));
        assert_eq!(header(&[(name, "a"), (alias, "a")]), Ok("a".into()));
        assert_eq!(header(&[]), Err(ProblemCode::IdempotencyKeyMissing));
        let long = "x".repeat(256);
        for bad in
            [&[(name, "")][..], &[(name, "a b")], &[(name, &long)], &[(name, "a"), (alias, "b")]]
        {
            assert_eq!(header(bad), Err(ProblemCode::IdempotencyKeyInvalid), "{bad:?}");
        }
    }

    #[actix_web::test]
    async fn the_fingerprint_ignores_the_order_of_members_and_parameters() {
        let print = async |uri: &str, body: &'static str| {
            let request = TestRequest::post()
                .uri(uri)
                .append_header(("idempotency-key", "k"))
                .append_header(("content-type", "application/json"))
                .set_payload(body);
            let (request, mut payload) = request.to_http_parts();
            let request = IdempotentRequest::from_request(&request, &mut payload).await.unwrap();
            request.parse::<serde_json::Value>(false).unwrap().1.fingerprint
        };
        let base = print("/p?a=1&b=2", r#"{"x": 1, "y": 2}"#).await;
        assert_eq!(base, print("/p?b=2&a=1", r#"{"y":2,"x":1}"#).await);
        assert_ne!(base, print("/p?a=1&b=2", r#"{"x": 1, "y": 3}"#).await);
        assert_ne!(base, print("/q?a=1&b=2", r#"{"x": 1, "y": 2}"#).await);
        assert_ne!(base, print("/p?a=1&b=3", r#"{"x": 1, "y": 2}"#).await);
    }
}
