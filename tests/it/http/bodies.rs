//! Bodies that are no JSON, or not what was asked for.

use careforall::platform::http::MAX_BODY_BYTES;
use serde_json::json;

use super::expect_problem;
use crate::support::{Response, Server};

async fn login(server: &Server, body: impl Into<Vec<u8>>) -> Response {
    server.client().post("/api/v1/auth/login").raw(body).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_json_is_malformed() {
    let server = Server::start().await;
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let bodies: [Vec<u8>; 10] = [
        b"".into(),
        b"{".into(),
        b"{\"email\": \"a\" \"b\"}".into(),
        br#"{"email": "a@b.de", "password": "p"} {}"#.into(),
        b"\xff\xfe".into(),
        b"{\"email\": \"\xff\"}".into(),
        br#"{"email": "\ud800"}"#.into(),
        b"{\"email\": NaN}".into(),
        format!(r#"{{"email": {}}}"#, deep(64)).into(),
        deep(100_000).into(),
    ];
    for body in bodies {
        let answer = login(&server, body).await;
        expect_problem(&answer, 400, "malformed-json");
    }
    // 64 levels are read, and refused for what they are
    let answer = login(&server, format!(r#"{{"email": {}}}"#, deep(63))).await;
    expect_problem(&answer, 400, "validation-failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_field_that_is_wrong_is_named() {
    let server = Server::start().await;
    let good = json!({ "email": "a@example.org", "password": "p" });
    let with = |name: &str, value: serde_json::Value| {
        let mut body = good.clone();
        body[name] = value;
        body.to_string()
    };
    let cases = [
        (with("admin", json!(true)), "admin", "unknown"),
        (with("email", json!(null)), "email", "invalid"),
        (with("email", json!(1e300)), "email", "invalid"),
        (with("email", json!("a\u{0}@example.org")), "email", "invalid"),
        (with("password", json!(["p"])), "password", "invalid"),
        (r#"{"email": "a@example.org"}"#.to_owned(), "password", "required"),
        (r#"{"email": "a@b.de", "email": "a@b.de"}"#.to_owned(), "email", "duplicate"),
        ("[]".to_owned(), "body", "invalid"),
        (r#"["a@b.de", "p"]"#.to_owned(), "body", "invalid"),
        ("null".to_owned(), "body", "invalid"),
        ("1e400000".to_owned(), "", ""),
    ];
    for (body, field, kind) in cases {
        let answer = login(&server, body.clone()).await;
        let code = if field.is_empty() { "malformed-json" } else { "validation-failed" };
        expect_problem(&answer, 400, code);
        let error = &answer.body["errors"][0];
        assert_eq!(error["field"].as_str().unwrap_or_default(), field, "{body}: {:#}", answer.body);
        assert_eq!(error["code"].as_str().unwrap_or_default(), kind, "{body}: {:#}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_media_type_is_415() {
    let server = Server::start().await;
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json", "é"]
    {
        let request = server.client().post("/api/v1/auth/login").header("content-type", kind);
        let answer = request.body("{}").send().await;
        expect_problem(&answer, 415, "unsupported-media-type");
    }
    let answer = server.client().post("/api/v1/auth/login").body("{}").send().await;
    expect_problem(&answer, 415, "unsupported-media-type");
    let request = server.client().post("/api/v1/auth/login");
    let answer =
        request.header("content-type", "Application/JSON; charset=utf-8").body("{}").send();
    expect_problem(&answer.await, 400, "validation-failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_body_is_read_and_one_more_byte_is_413() {
    let server = Server::start().await;
    let padded = |length: usize| {
        let mut body = br#"{"email": 1}"#.to_vec();
        body.resize(length, b' ');
        body
    };
    expect_problem(&login(&server, padded(MAX_BODY_BYTES)).await, 400, "validation-failed");
    expect_problem(&login(&server, padded(MAX_BODY_BYTES + 1)).await, 413, "payload-too-large");
    // a webhook's raw body has the same limit, before its signature is looked at
    let hook = server.client().post("/api/v1/webhooks/sandbox").raw(padded(MAX_BODY_BYTES + 1));
    expect_problem(&hook.send().await, 413, "payload-too-large");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_needs_no_body_takes_none_or_an_empty_one() {
    let server = Server::start().await;
    let path = "/api/v1/pledges/01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f/cancel";
    let token = crate::campaign::Person::new(&server).await.token;
    let cancel = || server.client().post(path).bearer(&token).idempotency_key("k".repeat(16));
    expect_problem(&cancel().send().await, 404, "not-found");
    expect_problem(&cancel().raw("{}").send().await, 404, "not-found");
    expect_problem(&cancel().raw("null").send().await, 404, "not-found");
    expect_problem(&cancel().raw("{\"reason\": 1}").send().await, 400, "validation-failed");
}
