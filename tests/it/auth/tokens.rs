use careforall::{
    modules::auth::api::{Role, create_admin},
    platform::{audit::Author, postgres::Database},
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::Value;

use super::{PASSWORD, login, sign_in};
use crate::support::Server;

#[tokio::test(flavor = "multi_thread")]
async fn the_published_keys_verify_our_tokens() {
    let server = Server::builder().start().await;
    let session = sign_in(&server, "ada@example.org").await;
    let access = session["access_token"].as_str().unwrap();
    let jwks = server.client().get("/.well-known/jwks.json").send().await;
    assert_eq!(jwks.headers["cache-control"], "public, max-age=3600");
    let keys: JwkSet = serde_json::from_value(jwks.body).unwrap();
    let key_id = decode_header(access).unwrap().kid.unwrap();
    let key = DecodingKey::from_jwk(keys.find(&key_id).unwrap()).unwrap();
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_audience(&["access"]);
    rules.set_issuer(&["careforall"]);
    let claims = decode::<Value>(access, &key, &rules).unwrap().claims;
    assert_eq!(claims["sub"], session["user"]["id"]);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_is_made_once_and_never_by_promotion() {
    let server = Server::builder().start().await;
    let runtime = tokio::runtime::Handle::current();
    let database = Database::new(&server.database().url(), 2, runtime).unwrap();
    let author = Author::command_line("a test");
    let root = create_admin(&database, &author, "Root@Example.org", None, PASSWORD).await.unwrap();
    assert_eq!((root.role, root.email.as_str()), (Role::Admin, "root@example.org"));
    let donor = sign_in(&server, "ada@example.org").await;
    let refused =
        create_admin(&database, &author, "ada@example.org", None, PASSWORD).await.unwrap_err();
    assert_eq!(refused.to_string(), "an account with this e-mail exists");
    let refused = create_admin(&database, &author, "x", None, "short").await.unwrap_err();
    let said = "email is not a valid e-mail address; password must have 12 to 128 characters";
    assert_eq!(refused.to_string(), said);

    let session = login(&server, "root@example.org", PASSWORD).await.body;
    assert_eq!(session["user"]["role"], "admin");
    for (session, status) in [(&session, 200), (&donor, 403)] {
        let users = server.client().get("/api/v1/admin/users");
        users.bearer(session["access_token"].as_str().unwrap()).send().await.expect(status);
    }
}
