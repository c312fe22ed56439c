//! The key that signs tokens, and those that verify them.

use std::sync::Arc;

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

use crate::platform::{postgres::Connection, secrets};

/// Under this name the key is kept in the database when none is configured.
const SECRET: &str = "auth.signing_key";

/// Why there is no signing key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("CAREFORALL_AUTH__SIGNING_KEY: cannot read the file `{path}`: {error}")]
    File { path: String, error: std::io::Error },
    #[error("CAREFORALL_AUTH__SIGNING_KEY: {0}; expected is an Ed25519 key as PKCS#8 PEM")]
    Configured(String),
    #[error("the signing key that was kept in the database cannot be used: {0}")]
    Kept(String),
    #[error("the signing key could not be read from the database: {0}")]
    Database(#[from] diesel::result::Error),
}

/// One key signs; every key listed verifies, so that a key can be changed without signing anybody
/// out. Cheap to clone.
#[derive(Clone)]
pub struct SigningKeys(Arc<Inner>);

struct Inner {
    pair: Ed25519KeyPair,
    /// The protected header of everything signed, encoded once.
    header: String,
    /// The signing key's own half first.
    verifiers: Vec<Verifier>,
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
    /// The configured key (PEM text, or the path of a file that holds it); without one, the key
    /// that was made once and is kept in the database.
    pub async fn load(conn: &mut Connection, configured: Option<&str>) -> Result<Self, KeyError> {
        match configured {
            Some(text_or_path) => Self::from_config(text_or_path),
            None => Self::parse(&kept(conn).await?).map_err(KeyError::Kept),
        }
    }

    /// # Errors
    /// Names `CAREFORALL_AUTH__SIGNING_KEY` and what is wrong with it, never its text.
    pub fn from_config(text_or_path: &str) -> Result<Self, KeyError> {
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
        let verifier = Verifier::new(pair.public_key().as_ref()).map_err(|e| e.to_string())?;
        let header = serde_json::json!({ "alg": "EdDSA", "kid": verifier.key_id, "typ": "JWT" });
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        Ok(Self(Arc::new(Inner { pair, header, verifiers: vec![verifier] })))
    }

    /// Signs claims: a compact JWS (RFC 7515). The same claims give the same bytes, because
    /// Ed25519 takes no randomness. Put together here, since `jsonwebtoken` parses the private key
    /// anew for every token (9.6 µs instead of 14.6 µs a guest token, on one core of two).
    pub(super) fn sign(&self, claims: &Value) -> String {
        let Inner { pair, header, .. } = &*self.0;
        let mut token = String::with_capacity(512);
        token.push_str(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut token);
        let signature = pair.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }

    pub(super) fn verifier(&self, key_id: &str) -> Option<&Verifier> {
        self.0.verifiers.iter().find(|v| v.key_id == key_id)
    }

    /// The public halves, for whoever verifies our tokens.
    pub fn public(&self) -> Vec<Jwk> {
        self.0.verifiers.iter().map(|v| v.jwk.clone()).collect()
    }
}

impl Verifier {
    fn new(public_key: &[u8]) -> jsonwebtoken::errors::Result<Self> {
        let x = URL_SAFE_NO_PAD.encode(public_key);
        let key_id = thumbprint(&x);
        let key = DecodingKey::from_ed_components(&x)?;
        let (kid, kty, crv) = (key_id.clone(), "OKP", "Ed25519");
        Ok(Self { key_id, key, jwk: Jwk { kty, crv, x, kid, usage: "sig", alg: "EdDSA" } })
    }
}

/// RFC 7638, with the members that RFC 8037 requires, in this order.
fn thumbprint(x: &str) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

/// The kept key. One is made beforehand in any case, so that no failure to make one is ever kept.
async fn kept(conn: &mut Connection) -> Result<String, KeyError> {
    let fresh = generate().map_err(|error| KeyError::Kept(error.to_string()))?;
    Ok(secrets::get_or_create(conn, SECRET, || fresh).await?)
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
