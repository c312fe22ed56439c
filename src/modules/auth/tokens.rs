//! Access tokens, guest tokens and those of magic links: what they claim, and how they are verified.
//!
//! All are JWTs under the same keys, told apart by audience; a token says who, never what they may.

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
        let header = decode_header(token).map_err(|_| InvalidToken)?;
        let verifier = header.kid.and_then(|id| self.verifier(&id)).ok_or(InvalidToken)?;
        let claims = decode::<Claims>(token, &verifier.key, &RULES).map_err(|_| InvalidToken)?;
        Ok(match claims.claims {
            Claims { aud: Audience::Access, sub, sid } => {
                Bearer::User { user: sub.into(), session: sid }
            }
            Claims { aud: Audience::Pledge, sub, .. } => Bearer::Guest(sub.into()),
            Claims { aud: Audience::History, sub, .. } => Bearer::Link(sub),
        })
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
        self.0.sign(&json!({
            "iss": ISSUER,
            "aud": Audience::Pledge,
            "sub": pledge,
            "iat": issued_at.timestamp(),
            "exp": (issued_at + GUEST_LIFETIME).timestamp(),
        }))
    }
}

#[cfg(test)]
mod tests;
