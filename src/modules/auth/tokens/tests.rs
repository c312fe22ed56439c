use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::Value;

use super::*;
use crate::modules::auth::keys::generate;

static PEM: LazyLock<String> = LazyLock::new(|| generate().unwrap());

fn keys() -> SigningKeys {
    SigningKeys::from_config(&PEM).unwrap()
}

fn claims() -> Value {
    let now = clock::now().timestamp();
    let sub = UserId::generate();
    json!({ "iss": ISSUER, "aud": "access", "sub": sub, "iat": now, "exp": now + 60 })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn key_id() -> String {
    serde_json::to_value(keys().public()).unwrap()[0]["kid"].as_str().unwrap().to_owned()
}

#[test]
fn users_and_guests_are_who_their_tokens_say() {
    let (keys, user, pledge) = (keys(), UserId::generate(), PledgeId::generate());
    let (session, link) = (clock::new_id(), clock::new_id());
    let access = keys.issue_access(user, session, clock::now());
    assert_eq!(keys.verify(&access), Ok(Bearer::User { user, session }));
    let history = keys.issue_history(link, clock::now());
    assert_eq!(keys.verify(&history), Ok(Bearer::Link(link)));
    let guest = GuestTokens::new(keys.clone()).issue(pledge, clock::now());
    // by whom it is known already, and by a replica to which it is new
    for keys in [&keys, &self::keys()] {
        assert_eq!(keys.verify(&guest), Ok(Bearer::Guest(pledge)));
        assert_eq!(keys.verify(&access), Ok(Bearer::User { user, session }));
    }
}

#[test]
fn a_guest_token_is_derived_again_byte_for_byte() {
    let (pledge, at) = (PledgeId::generate(), clock::now());
    let [first, again] = [keys(), keys()].map(|keys| GuestTokens::new(keys).issue(pledge, at));
    assert_eq!(first, again);
    assert_ne!(first, GuestTokens::new(keys()).issue(PledgeId::generate(), at));
}

#[test]
fn tokens_end_with_their_lifetime_and_leeway() {
    let (keys, user) = (keys(), UserId::generate());
    let issued = |ago| keys.issue_access(user, clock::new_id(), clock::now() - ago);
    let leeway = TimeDelta::seconds(i64::try_from(LEEWAY).unwrap());
    let margin = TimeDelta::seconds(2);
    assert!(keys.verify(&issued(ACCESS_LIFETIME + leeway - margin)).is_ok());
    assert!(keys.verify(&issued(ACCESS_LIFETIME + leeway + margin)).is_err());
    let guest =
        |ago| GuestTokens::new(keys.clone()).issue(PledgeId::generate(), clock::now() - ago);
    assert!(keys.verify(&guest(GUEST_LIFETIME - margin)).is_ok());
    assert!(keys.verify(&guest(GUEST_LIFETIME + leeway + margin)).is_err());
}

#[test]
fn every_altered_character_is_noticed() {
    let keys = keys();
    let token = keys.issue_access(UserId::generate(), clock::new_id(), clock::now());
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(bytes).unwrap();
        assert_eq!(keys.verify(&altered), Err(InvalidToken), "at {at}");
    }
    for cut in ["", ".", "..", "a.b.c", "cfa_0123", &token[..token.len() - 1]] {
        assert_eq!(keys.verify(cut), Err(InvalidToken), "{cut}");
    }
}

#[test]
fn a_known_token_ends_with_its_lifetime_and_its_key() {
    let known = VerifiedTokens::default();
    let (now, bearer) = (clock::now().timestamp(), Bearer::Link(clock::new_id()));
    let key = || "some key".to_owned();
    known.insert("good", bearer, now + 60, key());
    known.insert("expired", bearer, now - i64::try_from(LEEWAY).unwrap() - 1, key());
    assert_eq!(known.get("good", |key_id| key_id == "some key"), Some(bearer));
    assert_eq!(known.get("good", |_| false), None);
    assert_eq!(known.get("expired", |_| true), None);
    assert_eq!(known.get("goo", |_| true), None);
}

#[test]
fn missing_and_foreign_claims_are_refused() {
    let keys = keys();
    assert!(keys.verify(&keys.sign(&claims())).is_ok());
    let foreign = [
        ("aud", json!("magic-link")),
        ("aud", json!(null)),
        ("iss", json!("somebody")),
        ("sub", json!("ada")),
        ("exp", json!("tomorrow")),
    ];
    for (name, value) in foreign {
        let token = keys.sign(&with(name, value.clone()));
        assert_eq!(keys.verify(&token), Err(InvalidToken), "{name} {value}");
    }
    for name in ["iss", "aud", "sub", "exp"] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(keys.verify(&keys.sign(&claims)), Err(InvalidToken), "without {name}");
    }
}

#[test]
fn the_algorithm_is_not_the_tokens_to_choose() {
    let keys = keys();
    let unsigned = |alg: &str| {
        let header = json!({ "alg": alg, "typ": "JWT", "kid": key_id() }).to_string();
        let [header, body] = [header, claims().to_string()].map(|p| URL_SAFE_NO_PAD.encode(p));
        format!("{header}.{body}.")
    };
    for alg in ["none", "None", "EdDSA", "HS256"] {
        assert_eq!(keys.verify(&unsigned(alg)), Err(InvalidToken), "{alg}");
    }
    // HMAC with the public key, which everybody knows, as its secret
    let public = serde_json::to_value(keys.public()).unwrap()[0]["x"].as_str().unwrap().to_owned();
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(key_id());
    let secret = EncodingKey::from_secret(&URL_SAFE_NO_PAD.decode(public).unwrap());
    let forged = encode(&header, &claims(), &secret).unwrap();
    assert_eq!(keys.verify(&forged), Err(InvalidToken));
}

#[test]
fn a_foreign_key_is_refused_under_our_id_too() {
    let other_pem = generate().unwrap();
    let other = SigningKeys::from_config(&other_pem).unwrap();
    assert_eq!(keys().verify(&other.sign(&claims())), Err(InvalidToken));
    let mut header = Header::new(Algorithm::EdDSA);
    let key = EncodingKey::from_ed_pem(other_pem.as_bytes()).unwrap();
    header.kid = Some(key_id());
    assert_eq!(keys().verify(&encode(&header, &claims(), &key).unwrap()), Err(InvalidToken));
    header.kid = None;
    assert_eq!(keys().verify(&encode(&header, &claims(), &key).unwrap()), Err(InvalidToken));
}

#[test]
fn any_jwt_library_verifies_our_tokens_and_we_its() {
    let key = EncodingKey::from_ed_pem(PEM.as_bytes()).unwrap();
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(key_id());
    assert!(keys().verify(&encode(&header, &claims(), &key).unwrap()).is_ok());
}
