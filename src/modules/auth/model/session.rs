//! Sessions: the rules of refresh tokens.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::{pg::Pg, prelude::*};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{kernel::ids::UserId, modules::auth::schema::refresh_tokens};

/// How long a refresh token can be used.
pub const REFRESH_LIFETIME: TimeDelta = TimeDelta::days(30);

/// An opaque token of 256 random bits. Only its hash is stored.
#[derive(Debug)]
pub struct RefreshToken(SecretString);

impl RefreshToken {
    pub fn generate() -> Self {
        Self(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()).into())
    }

    pub fn hash(&self) -> Vec<u8> {
        Self::hash_of(self.0.expose_secret())
    }

    /// The hash under which a token that a client sent is looked up.
    pub fn hash_of(token: &str) -> Vec<u8> {
        Sha256::digest(token.as_bytes()).to_vec()
    }

    /// For the one answer that carries it.
    pub fn reveal(&self) -> String {
        self.0.expose_secret().to_owned()
    }
}

/// A refresh token as stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = refresh_tokens, check_for_backend(Pg))]
pub struct StoredToken {
    pub id: Uuid,
    pub family_id: Uuid,
    pub user_id: UserId,
    pub expires_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// What a presented refresh token deserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Rotate,
    /// Expired or revoked: refused, nothing else.
    Refuse,
    /// Used before: whoever has it, somebody stole something.
    RevokeFamily,
}

impl StoredToken {
    pub fn judge(&self, now: DateTime<Utc>) -> Verdict {
        match self {
            Self { revoked_at: Some(_), .. } => Verdict::Refuse,
            Self { used_at: Some(_), .. } => Verdict::RevokeFamily,
            Self { expires_at, .. } if *expires_at <= now => Verdict::Refuse,
            _ => Verdict::Rotate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::clock;

    #[test]
    fn a_used_refresh_token_condemns_its_family() {
        let now = clock::now();
        let fresh = StoredToken {
            id: clock::new_id(),
            family_id: clock::new_id(),
            user_id: UserId::generate(),
            expires_at: now + REFRESH_LIFETIME,
            used_at: None,
            revoked_at: None,
        };
        assert_eq!(fresh.judge(now), Verdict::Rotate);
        assert_eq!(fresh.judge(fresh.expires_at), Verdict::Refuse);
        let used = StoredToken { used_at: Some(now), ..fresh.clone() };
        assert_eq!(used.judge(now), Verdict::RevokeFamily);
        let revoked = StoredToken { revoked_at: Some(now), ..used };
        assert_eq!(revoked.judge(now), Verdict::Refuse);
    }

    #[test]
    fn refresh_tokens_are_unguessable_and_never_shown_in_debug() {
        let token = RefreshToken::generate();
        assert_eq!(token.reveal().len(), 43);
        assert_ne!(token.reveal(), RefreshToken::generate().reveal());
        assert!(!format!("{token:?}").contains(&token.reveal()));
        assert_eq!(token.hash(), RefreshToken::hash_of(&token.reveal()));
    }
}
