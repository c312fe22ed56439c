//! Standard Webhooks (<https://www.standardwebhooks.com>): HMAC-SHA-256 over
//! `<id>.<timestamp>.<body>`, one `v1,<base64>` per active secret.

use std::fmt;

use actix_web::http::header::{HeaderMap, HeaderValue};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::modules::payment::api::WebhookError;

pub const ID: &str = "webhook-id";
pub const TIMESTAMP: &str = "webhook-timestamp";
pub const SIGNATURE: &str = "webhook-signature";

/// How far the signed time may be from ours, both ways, inclusive.
const TOLERANCE_SECONDS: u64 = 300;

/// A configured secret cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    #[error("a sandbox webhook secret must be `whsec_` followed by base64 of at least 16 bytes")]
    Form,
    #[error("the sandbox needs at least one webhook secret")]
    None,
}

/// The active secrets: what is signed carries a signature of each, and any one of them verifies, so
/// that a secret can be changed while webhooks are under way.
#[derive(Clone)]
pub struct Keys(Vec<Hmac<Sha256>>);

impl Keys {
    /// Reads secrets of the form `whsec_<base64>`.
    pub fn new(secrets: &[SecretString]) -> Result<Self, BadSecret> {
        let keys: Vec<_> = secrets.iter().map(key).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(BadSecret::None) } else { Ok(Self(keys)) }
    }

    /// The value of `webhook-signature`.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let timestamp = timestamp.to_string();
        let sign = |key| {
            let mac = signed(key, id.as_bytes(), timestamp.as_bytes(), body);
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        };
        self.0.iter().map(sign).collect::<Vec<_>>().join(" ")
    }

    /// The signature is judged before the time: without it the time means nothing.
    pub fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), WebhookError> {
        let header = |name| headers.get(name).map(HeaderValue::as_bytes);
        let (Some(id), Some(timestamp), Some(given)) =
            (header(ID), header(TIMESTAMP), header(SIGNATURE))
        else {
            return Err(WebhookError::Signature);
        };
        if !self.matches(id, timestamp, given, body) {
            return Err(WebhookError::Signature);
        }
        let timestamp = std::str::from_utf8(timestamp).ok().and_then(|t| t.parse::<i64>().ok());
        let near = |t: i64| now.timestamp().abs_diff(t) <= TOLERANCE_SECONDS;
        if timestamp.is_some_and(near) { Ok(()) } else { Err(WebhookError::Timestamp) }
    }

    fn matches(&self, id: &[u8], timestamp: &[u8], given: &[u8], body: &[u8]) -> bool {
        let given = given.split(|b| *b == b' ').filter_map(|one| one.strip_prefix(b"v1,"));
        let given: Vec<_> = given.filter_map(|one| STANDARD.decode(one).ok()).collect();
        self.0.iter().any(|key| {
            let mac = signed(key, id, timestamp, body);
            // `verify_slice` compares in constant time
            given.iter().any(|one| mac.clone().verify_slice(one).is_ok())
        })
    }
}

fn key(secret: &SecretString) -> Result<Hmac<Sha256>, BadSecret> {
    let encoded = secret.expose_secret().strip_prefix("whsec_").ok_or(BadSecret::Form)?;
    let bytes = STANDARD.decode(encoded).map_err(|_| BadSecret::Form)?;
    if bytes.len() < 16 {
        return Err(BadSecret::Form);
    }
    Hmac::new_from_slice(&bytes).map_err(|_| BadSecret::Form)
}

fn signed(key: &Hmac<Sha256>, id: &[u8], timestamp: &[u8], body: &[u8]) -> Hmac<Sha256> {
    let mut mac = key.clone();
    for part in [id, b".", timestamp, b".", body] {
        mac.update(part);
    }
    mac
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;

    use super::*;
    use crate::kernel::clock;

    const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const NEW: &str = "whsec_c2FuZGJveC1zZWNyZXQtbnVtYmVyLXR3bw==";
    const BODY: &[u8] = br#"{"id": "evt_1",  "type":"x"}"#;

    fn keys(secrets: &[&str]) -> Keys {
        let secrets: Vec<_> = secrets.iter().map(|s| SecretString::from(*s)).collect();
        Keys::new(&secrets).unwrap()
    }

    fn headers(id: &str, timestamp: i64, signature: &str) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in [(ID, id), (TIMESTAMP, &timestamp.to_string()), (SIGNATURE, signature)]
        {
            map.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        map
    }

    fn oracle(secret: &str, id: &str, timestamp: i64) -> String {
        let webhook = standardwebhooks::Webhook::new(secret).unwrap();
        webhook.sign(id, timestamp, BODY).unwrap()
    }

    #[test]
    fn signatures_equal_those_of_the_reference_implementation() {
        let now = clock::now();
        let timestamp = now.timestamp();
        assert_eq!(keys(&[OLD]).sign("evt_1", timestamp, BODY), oracle(OLD, "evt_1", timestamp));
        let signature = oracle(OLD, "evt_1", timestamp);
        keys(&[NEW, OLD]).verify(&headers("evt_1", timestamp, &signature), BODY, now).unwrap();
    }

    #[test]
    fn any_active_secret_and_any_of_several_signatures_verifies() {
        let now = clock::now();
        let at = now.timestamp();
        let both = keys(&[OLD, NEW]).sign("evt_1", at, BODY);
        let mixed = format!("v1,AAAA v2,zzz v1a,{} {both}", "x".repeat(88));
        for secrets in [&[OLD] as &[_], &[NEW], &[OLD, NEW]] {
            for given in [&both, &mixed] {
                keys(secrets).verify(&headers("evt_1", at, given), BODY, now).unwrap();
            }
        }
    }

    #[test]
    fn what_was_not_signed_with_an_active_secret_is_refused() {
        let now = clock::now();
        let at = now.timestamp();
        let good = oracle(OLD, "evt_1", at);
        let keys = keys(&[OLD]);
        let refused = |headers: &HeaderMap, body: &[u8]| {
            assert_eq!(keys.verify(headers, body, now), Err(WebhookError::Signature));
        };
        refused(&headers("evt_1", at, &oracle(NEW, "evt_1", at)), BODY);
        refused(&headers("evt_2", at, &good), BODY);
        refused(&headers("evt_1", at + 1, &good), BODY);
        refused(&headers("evt_1", at, &good), br#"{"id":"evt_1","type":"x"}"#);
        refused(&headers("evt_1", at, &good.replace("v1,", "v2,")), BODY);
        refused(&headers("evt_1", at, good.trim_start_matches("v1,")), BODY);
        refused(&headers("evt_1", at, ""), BODY);
        for missing in [ID, TIMESTAMP, SIGNATURE] {
            let mut incomplete = headers("evt_1", at, &good);
            incomplete.remove(missing);
            refused(&incomplete, BODY);
        }
    }

    #[test]
    fn the_signed_time_may_be_300_seconds_off_and_not_more() {
        let now = clock::now();
        for (off, expected) in [
            (-301, Err(WebhookError::Timestamp)),
            (-300, Ok(())),
            (-299, Ok(())),
            (299, Ok(())),
            (300, Ok(())),
            (301, Err(WebhookError::Timestamp)),
        ] {
            let at = now.timestamp() + off;
            let headers = headers("evt_1", at, &oracle(OLD, "evt_1", at));
            assert_eq!(keys(&[OLD]).verify(&headers, BODY, now), expected, "{off}");
        }
        for at in [i64::MIN, i64::MAX] {
            let headers = headers("evt_1", at, &oracle(OLD, "evt_1", at));
            let outcome = keys(&[OLD]).verify(&headers, BODY, now);
            assert_eq!(outcome, Err(WebhookError::Timestamp));
        }
    }

    #[test]
    fn unusable_secrets_are_refused_at_the_start() {
        for bad in ["", "whsec_", "whsec_!!", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
        {
            let refused = Keys::new(&[SecretString::from(bad)]);
            assert_eq!(refused.unwrap_err(), BadSecret::Form, "{bad}");
        }
        assert_eq!(Keys::new(&[]).unwrap_err(), BadSecret::None);
    }
}
