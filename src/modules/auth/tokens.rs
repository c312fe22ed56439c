//! Access tokens, guest tokens and those of magic links: what they claim, and how they are verified.
//!
//! All are JWTs under the same keys, told apart by audience; a token says who, never what they may.

mod verified;

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::keys::SigningKeys;
use crate::kernel::{
    clock,
    ids::{PledgeId, UserId},
};
pub(super) use verified::VerifiedTokens;

/// How long an access token is good.
pub const ACCESS_LIFETIME: TimeDelta = TimeDelta::minutes(15);

/// How long a guest can come back to their pledge.
pub(super) const GUEST_LIFETIME: TimeDelta = TimeDelta::days(90);

const ISSUER: &str = "careforall";

/// Replicas' clocks may differ by so many seconds.
const LEEWAY: u64 = 5;

/// What a token is for. One of another audience is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Audience {
    /// A user's session.
    Access,
    /// The guest who made one pledge.
    Pledge,
    /// Whoever came by a magic link.
    History,
}

#[derive(Deserialize)]
struct Claims {
    aud: Audience,
    sub: Uuid,
    exp: i64,
    /// The session of an access token.
    #[serde(default)]
    sid: Uuid,
}

/// Whom a valid token speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bearer {
    User {
        user: UserId,
        session: Uuid,
    },
    Guest(PledgeId),
    /// A redeemed magic link, by its id.
    Link(Uuid),
}

/// The token is malformed, expired, tampered with, of a foreign key or of a foreign audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is not valid or has expired")]
pub struct InvalidToken;

static RULES: LazyLock<Validation> = LazyLock::new(|| {
    // the algorithm is ours to say, not the token's
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&["access", "pledge", "history"]);
    rules.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    rules.leeway = LEEWAY;
    rules
});

impl SigningKeys {
    /// An access token of this user. `session` is the family of refresh tokens it came with.
    pub(super) fn issue_access(&self, user: UserId, session: Uuid, at: DateTime<Utc>) -> String {
        self.sign(&json!({
            "iss": ISSUER,
            "aud": Audience::Access,
            "sub": user,
            "sid": session,
            "jti": clock::new_id(),
            "iat": at.timestamp(),
            "exp": (at + ACCESS_LIFETIME).timestamp(),
        }))
    }

    /// The access token of a redeemed magic link. It carries no address: that is looked up.
    pub(super) fn issue_history(&self, link: Uuid, at: DateTime<Utc>) -> String {
        self.sign(&json!({
            "iss": ISSUER,
            "aud": Audience::History,
            "sub": link,
            "iat": at.timestamp(),
            "exp": (at + ACCESS_LIFETIME).timestamp(),
        }))
    }

    /// Whom the token speaks for.
    pub(super) fn verify(&self, token: &str) -> Result<Bearer, InvalidToken> {
        let is_in_force = |key_id: &str| self.verifier(key_id).is_some();
        if let Some(bearer) = self.verified.get(token, is_in_force) {
            return Ok(bearer);
        }
        let header = decode_header(token).map_err(|_| InvalidToken)?;
        let verifier = header.kid.and_then(|id| self.verifier(&id)).ok_or(InvalidToken)?;
        let decoded = decode::<Claims>(token, &verifier.key, &RULES).map_err(|_| InvalidToken)?;
        let Claims { aud, sub, exp, sid } = decoded.claims;
        let bearer = match aud {
            Audience::Access => Bearer::User { user: sub.into(), session: sid },
            Audience::Pledge => Bearer::Guest(sub.into()),
            Audience::History => Bearer::Link(sub),
        };
        self.verified.insert(token, bearer, exp, verifier.key_id.clone());
        Ok(bearer)
    }
}

/// Makes the tokens with which guests come back to their pledge.
#[derive(Clone)]
pub struct GuestTokens(SigningKeys);

impl GuestTokens {
    pub fn new(keys: SigningKeys) -> Self {
        Self(keys)
    }

    /// The token of this pledge, good for 90 days from `issued_at`, the pledge's `created_at`.
    /// Always the same, byte for byte, for the same pledge, time and key: a replayed answer derives
    /// it again, and it is never stored.
    pub fn issue(&self, pledge: PledgeId, issued_at: DateTime<Utc>) -> String {
        let exp = (issued_at + GUEST_LIFETIME).timestamp();
        let claims = json!({
            "iss": ISSUER,
            "aud": Audience::Pledge,
            "sub": pledge,
            "iat": issued_at.timestamp(),
            "exp": exp,
        });
        let signer = self.0.signer();
        let token = signer.sign(&claims);
        self.0.verified.insert(&token, Bearer::Guest(pledge), exp, signer.key_id().to_owned());
        token
    }
}

#[cfg(test)]
mod tests;
