//! The key that signs tokens, and those that verify them.
//!
//! All keys are rows of `auth.signing_keys`, which every replica reads again every few seconds: a
//! new key is published some time before it signs, and a former one verifies until the last token
//! that it signed has expired. A configured key signs instead of those made here; its public half
//! is among the rows as well, so that changing it signs nobody out.

mod rotation;

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::{
    error::Unspecified,
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::DecodingKey;
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::tokens::VerifiedTokens;
use crate::platform::postgres::DbError;

pub use rotation::{KeyInfo, KeyState, list_keys, revoke_key, rotate_keys};

/// Why there is no signing key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("CAREFORALL_AUTH__SIGNING_KEY: cannot read the file `{path}`: {error}")]
    File { path: String, error: std::io::Error },
    #[error("CAREFORALL_AUTH__SIGNING_KEY: {0}; expected is an Ed25519 key as PKCS#8 PEM")]
    Configured(String),
    #[error("the signing key that was kept in the database cannot be used: {0}")]
    Kept(String),
    #[error("the signing keys could not be read or changed: {0}")]
    Database(#[from] diesel::result::Error),
    #[error(transparent)]
    Unavailable(#[from] DbError),
    #[error("CAREFORALL_AUTH__SIGNING_KEY is set: put a new key there, the old one is remembered")]
    NotOurs,
    #[error("no key of this id is in force")]
    Unknown,
    #[error("this key signs; rotate first, and revoke it when another does")]
    Signs,
}

/// The keys as they are now. Clones share them, and see what is loaded later. Cheap to clone.
#[derive(Clone)]
pub struct SigningKeys {
    ring: Arc<RwLock<Arc<Ring>>>,
    configured: Option<Arc<Signer>>,
    pub(super) verified: VerifiedTokens,
}

/// One key signs; every key listed verifies.
struct Ring {
    signer: Arc<Signer>,
    verifiers: Vec<Arc<Verifier>>,
}

/// Both halves of a key.
pub(super) struct Signer {
    pair: Ed25519KeyPair,
    /// The protected header of everything signed, encoded once.
    header: String,
    public: Arc<Verifier>,
}

pub(super) struct Verifier {
    pub key_id: String,
    pub key: DecodingKey,
    pub jwk: Jwk,
}

/// A public key (RFC 8037).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Jwk {
    #[schema(example = "OKP")]
    kty: &'static str,
    #[schema(example = "Ed25519")]
    crv: &'static str,
    /// The public key, base64url.
    #[schema(example = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]
    x: String,
    /// The key's thumbprint (RFC 7638), as the header of a token names it.
    #[schema(example = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")]
    kid: String,
    #[serde(rename = "use")]
    #[schema(rename = "use", example = "sig")]
    usage: &'static str,
    #[schema(example = "EdDSA")]
    alg: &'static str,
}

impl SigningKeys {
    /// # Errors
    /// Names `CAREFORALL_AUTH__SIGNING_KEY` and what is wrong with it, never its text.
    pub fn from_config(text_or_path: &str) -> Result<Self, KeyError> {
        let signer = Arc::new(Signer::from_config(text_or_path)?);
        let ring =
            Ring { verifiers: vec![Arc::clone(&signer.public)], signer: Arc::clone(&signer) };
        let ring = Arc::new(RwLock::new(Arc::new(ring)));
        Ok(Self { ring, configured: Some(signer), verified: VerifiedTokens::default() })
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Signs claims with the key that signs now.
    pub(super) fn sign(&self, claims: &Value) -> String {
        self.signer().sign(claims)
    }

    pub(super) fn signer(&self) -> Arc<Signer> {
        Arc::clone(&self.ring().signer)
    }

    pub(super) fn verifier(&self, key_id: &str) -> Option<Arc<Verifier>> {
        self.ring().verifiers.iter().find(|v| v.key_id == key_id).cloned()
    }

    /// The public halves, for whoever verifies our tokens; that of the signing key comes first.
    pub fn public(&self) -> Vec<Jwk> {
        let ring = self.ring();
        let first = |v: &&Arc<Verifier>| v.key_id == ring.signer.public.key_id;
        let (mut own, others): (Vec<_>, Vec<_>) = ring.verifiers.iter().partition(first);
        own.extend(others);
        own.into_iter().map(|v| v.jwk.clone()).collect()
    }
}

impl Signer {
    /// A compact JWS (RFC 7515). The same claims give the same bytes, because Ed25519 takes no
    /// randomness. Put together here, since `jsonwebtoken` parses the private key anew for every
    /// token (9.6 µs instead of 14.6 µs a guest token, on one core of two).
    pub(super) fn sign(&self, claims: &Value) -> String {
        let mut token = String::with_capacity(512);
        token.push_str(&self.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut token);
        let signature = self.pair.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }

    pub(super) fn key_id(&self) -> &str {
        &self.public.key_id
    }

    fn from_config(text_or_path: &str) -> Result<Self, KeyError> {
        let text = text_or_path.trim();
        if text.contains("-----BEGIN") {
            // environment files often carry a line break as `\n`
            return Self::parse(&text.replace("\\n", "\n")).map_err(KeyError::Configured);
        }
        let pem = std::fs::read_to_string(text)
            .map_err(|error| KeyError::File { path: text.to_owned(), error })?;
        Self::parse(&pem).map_err(KeyError::Configured)
    }

    fn parse(pem: &str) -> Result<Self, String> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|e| e.to_string())?;
        let pair = Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|e| e.to_string())?;
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let public = Arc::new(Verifier::new(&x).map_err(|e| e.to_string())?);
        let header = serde_json::json!({ "alg": "EdDSA", "kid": public.key_id, "typ": "JWT" });
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        Ok(Self { pair, header, public })
    }
}

impl Verifier {
    /// Of a public key in base64url.
    fn new(x: &str) -> jsonwebtoken::errors::Result<Self> {
        let key_id = thumbprint(x);
        let key = DecodingKey::from_ed_components(x)?;
        let (kid, kty, crv, x) = (key_id.clone(), "OKP", "Ed25519", x.to_owned());
        Ok(Self { key_id, key, jwk: Jwk { kty, crv, x, kid, usage: "sig", alg: "EdDSA" } })
    }
}

/// RFC 7638, with the members that RFC 8037 requires, in this order.
fn thumbprint(x: &str) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

/// A fresh key as PKCS#8 PEM.
pub(super) fn generate() -> Result<String, Unspecified> {
    let der = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new())?;
    // 48 bytes, which fill one line of PEM
    let body = STANDARD.encode(der.as_ref());
    Ok(format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(configured: &str) -> String {
        SigningKeys::from_config(configured).err().unwrap().to_string()
    }

    #[test]
    fn a_key_comes_as_text_as_one_line_or_in_a_file() {
        let pem = generate().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &pem).unwrap();
        let path = file.path().to_str().unwrap();
        let ids = [&pem, &pem.replace('\n', "\\n"), path]
            .map(|configured| SigningKeys::from_config(configured).unwrap().public().remove(0).kid);
        assert!(ids.iter().all(|id| *id == ids[0] && id.len() == 43));
    }

    #[test]
    fn a_bad_key_is_refused_by_the_name_of_its_variable() {
        let rsa = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        for bad in ["", "/no/such/file", "-----BEGIN", rsa] {
            assert!(refusal(bad).starts_with("CAREFORALL_AUTH__SIGNING_KEY: "), "{bad}");
        }
        assert!(!refusal(rsa).contains("AAAA"), "a key's text never ends in a log");
    }

    /// RFC 8037, appendix A.3.
    #[test]
    fn the_key_id_is_the_thumbprint() {
        let id = thumbprint("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(id, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
