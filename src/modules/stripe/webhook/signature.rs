//! `Stripe-Signature: t=<seconds>,v1=<hex>,…`: HMAC-SHA-256 over `<t>.<body>`, keyed with the
//! endpoint's secret as it stands, `whsec_` included.

use std::fmt;

use actix_web::http::header::HeaderMap;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::modules::payment::api::WebhookError;

const HEADER: &str = "stripe-signature";

/// How far the signed time may be from ours, both ways, inclusive.
const TOLERANCE_SECONDS: u64 = 300;

/// The endpoint's secrets that are active: any one of them verifies, so that one can be rolled while
/// webhooks are under way. Without any, nothing verifies.
#[derive(Clone, Default)]
pub struct Secrets(Vec<Hmac<Sha256>>);

/// What the header says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Signed {
    /// As it was written, for that is what was signed.
    time: String,
    signatures: Vec<Vec<u8>>,
}

impl Secrets {
    pub fn new(secrets: &[SecretString]) -> Self {
        let key = |secret: &SecretString| {
            // a key of any length is one
            Hmac::new_from_slice(secret.expose_secret().as_bytes()).ok()
        };
        Self(secrets.iter().filter_map(key).collect())
    }

    /// The signature is judged before the time: without it the time means nothing.
    pub fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), WebhookError> {
        let mut given = headers.get_all(HEADER);
        let (Some(header), None) = (given.next(), given.next()) else {
            return Err(WebhookError::Signature);
        };
        let signed = header.to_str().ok().and_then(read).ok_or(WebhookError::Signature)?;
        if !self.0.iter().any(|key| matches(key, &signed, body)) {
            return Err(WebhookError::Signature);
        }
        let near = |t: i64| now.timestamp().abs_diff(t) <= TOLERANCE_SECONDS;
        if signed.time.parse().is_ok_and(near) { Ok(()) } else { Err(WebhookError::Timestamp) }
    }
}

fn matches(key: &Hmac<Sha256>, signed: &Signed, body: &[u8]) -> bool {
    let mut mac = key.clone();
    for part in [signed.time.as_bytes(), b".", body] {
        mac.update(part);
    }
    // `verify_slice` compares in constant time
    signed.signatures.iter().any(|one| mac.clone().verify_slice(one).is_ok())
}

/// One `t`, one or more `v1`; other schemes (`v0` is for tests of Stripe's own) are passed over.
fn read(header: &str) -> Option<Signed> {
    let mut signed = Signed::default();
    for (name, value) in header.split(',').filter_map(|item| item.split_once('=')) {
        match name.trim() {
            "t" if signed.time.is_empty() => value.trim().clone_into(&mut signed.time),
            "t" => return None,
            "v1" => signed.signatures.extend(hex::decode(value.trim())),
            _ => {}
        }
    }
    let digits = !signed.time.is_empty() && signed.time.bytes().all(|b| b.is_ascii_digit());
    (digits && !signed.signatures.is_empty()).then_some(signed)
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::clock;

    const OLD: &str = "whsec_old";
    const NEW: &str = "whsec_new";
    const BODY: &[u8] = br#"{"id": "evt_1",  "object": "event"}"#;

    fn sign(secret: &str, time: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{time}.").as_bytes());
        mac.update(body);
        hex::encode(mac.finalize().into_bytes())
    }

    fn verify(secrets: &[&str], header: &str, body: &[u8]) -> Result<(), WebhookError> {
        let secrets: Vec<_> = secrets.iter().map(|s| SecretString::from(*s)).collect();
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static(HEADER), HeaderValue::from_str(header).unwrap());
        Secrets::new(&secrets).verify(&headers, body, clock::now())
    }

    #[test]
    fn any_active_secret_and_any_of_several_signatures_will_do() {
        let now = clock::now().timestamp().to_string();
        let (old, new) = (sign(OLD, &now, BODY), sign(NEW, &now, BODY));
        for header in [
            format!("t={now},v1={old}"),
            format!("t={now},v1={new}"),
            format!("t={now},v1={new},v1={old},v0={old}"),
            format!("v1={},v1={old},t={now}", "0".repeat(64)),
            format!("t={now}, v1=zz, v1={old}"),
        ] {
            assert_eq!(verify(&[NEW, OLD], &header, BODY), Ok(()), "{header}");
        }
        assert!(verify(&[NEW], &format!("t={now},v1={old}"), BODY).is_err());
        assert!(verify(&[], &format!("t={now},v1={old}"), BODY).is_err());
    }

    #[test]
    fn what_was_not_signed_so_is_refused() {
        let now = clock::now().timestamp();
        let good = sign(OLD, &now.to_string(), BODY);
        for header in [
            format!("t={},v1={good}", now + 1),
            format!("t={now},v0={good}"),
            format!("t={now}"),
            format!("v1={good}"),
            format!("t={now},t={now},v1={good}"),
            format!("t= ,v1={good}"),
            format!("t={now},v1={}", &good[..62]),
            format!("t={now},v1={}", "0".repeat(64)),
            String::new(),
        ] {
            assert_eq!(verify(&[OLD], &header, BODY), Err(WebhookError::Signature), "{header}");
        }
        let header = format!("t={now},v1={good}");
        let reserialised = br#"{"id":"evt_1","object":"event"}"#;
        assert_eq!(verify(&[OLD], &header, reserialised), Err(WebhookError::Signature));
        let none = Secrets::default().verify(&HeaderMap::new(), BODY, clock::now());
        assert_eq!(none, Err(WebhookError::Signature));
    }

    #[test]
    fn the_signed_time_may_be_300_seconds_off_and_not_more() {
        let now = clock::now();
        let secrets = Secrets::new(&[OLD.into()]);
        for (off, expected) in [
            (-301, Err(WebhookError::Timestamp)),
            (-300, Ok(())),
            (300, Ok(())),
            (301, Err(WebhookError::Timestamp)),
        ] {
            let at = (now.timestamp() + off).to_string();
            let header = format!("t={at},v1={}", sign(OLD, &at, BODY));
            let mut headers = HeaderMap::new();
            headers
                .insert(HeaderName::from_static(HEADER), HeaderValue::from_str(&header).unwrap());
            assert_eq!(secrets.verify(&headers, BODY, now), expected, "{off}");
        }
        let beyond = "9".repeat(30);
        let header = format!("t={beyond},v1={}", sign(OLD, &beyond, BODY));
        assert_eq!(verify(&[OLD], &header, BODY), Err(WebhookError::Timestamp));
    }

    proptest! {
        #[test]
        fn no_header_is_too_odd_to_be_read(header in "[ -~]{0,200}") {
            prop_assert!(verify(&[OLD], &header, BODY).is_err());
        }

        #[test]
        fn what_is_written_is_read(
            time in 0..=i64::MAX,
            given in prop::collection::vec(prop::array::uniform32(any::<u8>()), 1..4),
        ) {
            let items: Vec<String> = given.iter().map(hex::encode).collect();
            let signed = read(&format!("t={time},v1={},v0=00,x", items.join(",v1=")));
            let signatures = given.iter().map(|s| s.to_vec()).collect();
            prop_assert_eq!(signed, Some(Signed { time: time.to_string(), signatures }));
        }
    }
}
