//! Tokens whose signature is known to be right: those signed here, and those verified once. Whoever
//! has made a pledge pays for it next, and whoever has logged in sends the same token with each
//! request; to verify a signature takes longer than all else that a small request needs.

use std::sync::Arc;

use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::{Bearer, LEEWAY};
use crate::kernel::clock;

/// The most that are known at a time; some 3 MB.
const CAPACITY: usize = 10_000;

/// Clones share what they know.
#[derive(Clone)]
pub struct VerifiedTokens(Arc<Cache<[u8; 32], Verified>>);

#[derive(Clone)]
struct Verified {
    bearer: Bearer,
    /// In seconds since 1970.
    expires_at: i64,
    /// The key, which has to be in force still.
    key_id: String,
}

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self(Arc::new(Cache::new(CAPACITY)))
    }
}

impl VerifiedTokens {
    /// Whom the token speaks for, if it is known, has not expired, and its key `is_in_force`.
    pub fn get(&self, token: &str, is_in_force: impl Fn(&str) -> bool) -> Option<Bearer> {
        let known = self.0.get(&name(token))?;
        let good = clock::now().timestamp() <= known.expires_at + LEEWAY.cast_signed();
        (good && is_in_force(&known.key_id)).then_some(known.bearer)
    }

    pub fn insert(&self, token: &str, bearer: Bearer, expires_at: i64, key_id: String) {
        self.0.insert(name(token), Verified { bearer, expires_at, key_id });
    }
}

/// Every character of a token counts.
fn name(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
