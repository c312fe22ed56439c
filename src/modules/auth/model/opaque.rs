//! Opaque tokens: refresh tokens, API keys, and what is mailed.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// 256 random bits as text. Only its hash is stored.
#[derive(Debug)]
pub struct Opaque(SecretString);

impl Opaque {
    pub fn generate() -> Self {
        Self::with_prefix("")
    }

    /// The same after a few characters that say what it is.
    pub fn with_prefix(prefix: &str) -> Self {
        let random = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        Self(format!("{prefix}{random}").into())
    }

    pub fn hash(&self) -> Vec<u8> {
        Self::hash_of(self.0.expose_secret())
    }

    /// The hash under which a token that a client sent is looked up. It needs neither salt nor
    /// stretching: nobody guesses 256 bits.
    pub fn hash_of(token: &str) -> Vec<u8> {
        Sha256::digest(token.as_bytes()).to_vec()
    }

    /// For the one answer, or the one mail, that carries it.
    pub fn reveal(&self) -> String {
        self.0.expose_secret().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opaque_tokens_are_unguessable_and_never_shown_in_debug() {
        let token = Opaque::generate();
        assert_eq!(token.reveal().len(), 43);
        assert_ne!(token.reveal(), Opaque::generate().reveal());
        assert!(!format!("{token:?}").contains(&token.reveal()));
        assert_eq!(token.hash(), Opaque::hash_of(&token.reveal()));
        assert!(Opaque::with_prefix("cfa_").reveal().starts_with("cfa_"));
    }
}
