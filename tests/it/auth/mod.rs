//! Accounts and sessions, from outside.

pub mod api_keys;
mod guessing;
mod mailed;
mod me;
mod open_sessions;
mod passwords;
mod rotation;
mod sessions;
mod tokens;

use serde_json::{Value, json};

use crate::support::{Response, Server};

pub const PASSWORD: &str = "correct horse battery staple";

/// Registers somebody with this e-mail.
pub async fn register(server: &Server, email: &str) -> Response {
    let body = json!({ "email": email, "password": PASSWORD, "name": "Ada Lovelace" });
    server.client().post("/api/v1/auth/register").json(body).send().await
}

pub async fn login(server: &Server, email: &str, password: &str) -> Response {
    let body = json!({ "email": email, "password": password });
    server.client().post("/api/v1/auth/login").json(body).send().await
}

/// A session of a new user.
pub async fn sign_in(server: &Server, email: &str) -> Value {
    register(server, email).await;
    let session = login(server, email, PASSWORD).await;
    assert_eq!(session.status, 200, "{}", session.body);
    session.body
}

pub async fn refresh(server: &Server, token: &Value) -> Response {
    let body = json!({ "refresh_token": token });
    server.client().post("/api/v1/auth/refresh").json(body).send().await
}

/// The access token of a new user.
pub async fn access(server: &Server, email: &str) -> String {
    sign_in(server, email).await["access_token"].as_str().unwrap().to_owned()
}

/// Runs SQL as an operator might.
pub async fn sql(server: &Server, statement: &str) {
    server.database().client().await.batch_execute(statement).await.unwrap();
}

/// `POST` of a body without credentials.
pub async fn post(server: &Server, path: &str, body: Value) -> Response {
    server.client().post(path).json(body).send().await
}

pub fn code(response: &Response) -> (u16, &str) {
    (response.status, response.body["code"].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_one_account_however_it_is_written() {
    let server = Server::builder().start().await;
    let first = register(&server, "ada@example.org").await;
    assert_eq!(first.status, 201, "{}", first.body);
    assert_eq!(first.headers["location"], "/api/v1/me");
    assert_eq!(first.body["email"], "ada@example.org");
    assert_eq!(first.body["role"], "donor");
    assert_eq!(first.body["version"], 1);
    let members: Vec<_> = first.body.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["created_at", "email", "id", "name", "role", "version"]);
    let again = register(&server, " Ada@Example.ORG ").await;
    assert_eq!(code(&again), (409, "email-taken"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_registrations_one_gets_the_address() {
    let server = Server::builder().start().await;
    let all = futures_util::future::join_all((0..8).map(|_| register(&server, "ada@example.org")));
    let mut answers: Vec<_> = all.await.iter().map(|r| r.status).collect();
    answers.sort_unstable();
    assert_eq!(answers, [201, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_out_of_form_names_every_mistake() {
    let server = Server::builder().start().await;
    let good = json!({ "email": "ada@example.org", "password": PASSWORD, "name": "Ada" });
    let cases = [
        ("role", json!("admin"), "unknown"),
        ("password", json!("elevenchars"), "invalid"),
        ("password", json!("x".repeat(129)), "invalid"),
        ("password", json!("nul \u{0} in the middle"), "invalid"),
        ("password", json!("password1234"), "too-common"),
        ("password", json!("ada@example.org"), "too-common"),
        ("email", json!("ada"), "invalid"),
        ("email", json!(null), "invalid"),
        ("name", json!("   "), "invalid"),
        ("name", json!("a\nb"), "invalid"),
        ("name", json!("x".repeat(201)), "invalid"),
    ];
    for (field, value, kind) in cases {
        let mut body = good.clone();
        body[field] = value;
        let answer = server.client().post("/api/v1/auth/register").json(body).send().await;
        assert_eq!(code(&answer), (400, "validation-failed"), "{field}");
        assert_eq!(answer.body["errors"][0]["field"], field);
        assert_eq!(answer.body["errors"][0]["code"], kind, "{field}");
    }
    let all_wrong = json!({ "email": "", "password": "", "name": "" });
    let answer = server.client().post("/api/v1/auth/register").json(all_wrong).send().await;
    assert_eq!(answer.body["errors"].as_array().unwrap().len(), 3);
}
