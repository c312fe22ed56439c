//! One signing key follows another, and nobody is signed out.

use std::process::{Command, Output};

use jsonwebtoken::decode_header;

use super::{PASSWORD, access, code, login, register, sql};
use crate::support::{
    CAREFORALL, Server,
    donation::{Campaign, PATIENCE, builder},
    eventually,
};

const ONE: &str = "-----BEGIN PRIVATE KEY-----\\nMC4CAQAwBQYDK2VwBCIEICtAGs0ZzIhILM26kLDEYLfA/OY81Y/u27YCXJUYhNa1\\n-----END PRIVATE KEY-----";
const TWO: &str = "-----BEGIN PRIVATE KEY-----\\nMC4CAQAwBQYDK2VwBCIEIAIeB/5q2ZkvwqFI9fEmTVw5id7OE19eEDKbmAwGkoGC\\n-----END PRIVATE KEY-----";

fn keys(server: &Server, arguments: &[&str]) -> Output {
    let mut command = Command::new(CAREFORALL);
    command.arg("keys").args(arguments).env("DATABASE_URL", server.database().url());
    command.current_dir(server.directory()).output().unwrap()
}

fn key_of(token: &str) -> String {
    decode_header(token).unwrap().kid.unwrap()
}

async fn published(server: &Server) -> Vec<String> {
    let jwks = server.client().get("/.well-known/jwks.json").send().await.expect(200).body;
    let keys = jwks["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn works(server: &Server, token: &str) -> u16 {
    server.client().get("/api/v1/me").bearer(token).send().await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_published_first_signs_later_and_the_old_tokens_live_on() {
    let server = builder().start().await;
    let replica = builder().database_url(server.database().url()).start().await;
    let client = server.client();
    let before = access(&server, "ada@example.org").await;
    let guest = Campaign::open(&client).await.pledge(&client, 100).await;
    let old = key_of(&before);

    let rotated = keys(&server, &["rotate"]);
    assert!(rotated.status.success(), "{}", String::from_utf8_lossy(&rotated.stderr));
    for server in [&server, &replica] {
        eventually(PATIENCE, async || published(server).await.len() == 2).await;
    }
    assert_eq!(published(&server).await[0], old, "the one that signs comes first");
    let still = login(&server, "ada@example.org", PASSWORD).await.text("access_token");
    assert_eq!(key_of(&still), old);

    sql(&server, "UPDATE auth.signing_keys SET signs_from = now() WHERE signs_from > now()").await;
    for server in [&server, &replica] {
        eventually(PATIENCE, async || published(server).await[0] != old).await;
    }
    let after = login(&replica, "ada@example.org", PASSWORD).await.text("access_token");
    assert_ne!(key_of(&after), old);
    for (server, token) in [(&server, &after), (&server, &before), (&replica, &before)] {
        assert_eq!(works(server, token).await, 200);
    }
    guest.read(&client).await;

    // a key that signs is not revoked by mistake; one that leaked is, at once
    assert!(!keys(&server, &["revoke", &key_of(&after)]).status.success());
    assert!(!keys(&server, &["revoke", "nonsense"]).status.success());
    assert!(keys(&server, &["revoke", &old]).status.success());
    for server in [&server, &replica] {
        eventually(PATIENCE, async || works(server, &before).await == 401).await;
        assert_eq!(works(server, &after).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_key_verifies_for_as_long_as_its_longest_token_lives() {
    let server = builder().start().await;
    assert!(keys(&server, &["rotate", "--hurry"]).status.success());
    let listed = String::from_utf8(keys(&server, &["list"]).stdout).unwrap();
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(listed.contains("signs from"), "{listed}");
    let until = "SELECT max(verifies_until) - (SELECT max(signs_from) FROM auth.signing_keys)
                        = interval '91 days' FROM auth.signing_keys";
    let row = server.database().client().await.query_one(until, &[]).await.unwrap();
    assert!(row.get::<_, bool>(0), "guest tokens live for 90 days");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_key_can_be_changed_without_signing_anybody_out() {
    let first = Server::builder().env("CAREFORALL_AUTH__SIGNING_KEY", ONE).start().await;
    register(&first, "ada@example.org").await;
    let old = login(&first, "ada@example.org", PASSWORD).await.expect(200).text("access_token");
    let second = Server::builder().env("CAREFORALL_AUTH__SIGNING_KEY", TWO);
    let second = second.database_url(first.database().url()).start().await;
    let new = login(&second, "ada@example.org", PASSWORD).await.expect(200).text("access_token");
    assert_ne!(key_of(&old), key_of(&new));
    assert_eq!(works(&second, &old).await, 200);
    eventually(PATIENCE, async || works(&first, &new).await == 200).await;
    let third = Server::builder().database_url(first.database().url()).start().await;
    for token in [&old, &new] {
        assert_eq!(works(&third, token).await, 200, "without a configured key as well");
    }
    let tampered = format!("{}x", &old[..old.len() - 1]);
    let me = third.client().get("/api/v1/me").bearer(tampered).send().await;
    assert_eq!(code(&me), (401, "unauthorized"));
}
