//! Headers on every answer: ids, traces, security, caching, versions.

use std::pin::pin;

use futures_util::future::select;
use serde_json::json;

use super::{expect_headers, expect_problem};
use crate::{
    campaign::Person,
    support::{Client, OwnPostgres, Server, donation::PATIENCE, eventually},
};

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_security_headers() {
    let server = Server::start().await;
    for path in [
        "/livez",
        "/docs",
        "/docs/",
        "/docs/swagger-ui.css",
        "/docs/nope.js",
        "/openapi.json",
        "/nope",
        "/api/v1/me",
    ] {
        expect_headers(&server.client().get(path).send().await);
    }
    let page = server.client().get("/docs/").send().await.expect(200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe-eval"), "{policy}");
    let api = server.client().get("/livez").send().await;
    assert!(api.header("content-security-policy").unwrap().contains("default-src 'none'"));
    assert_eq!(api.header("cache-control"), Some("no-store"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_is_echoed_if_it_is_one_and_made_if_not() {
    let server = Server::start().await;
    let ask = async |id: &str| {
        let answer = server.client().get("/nope").header("x-request-id", id).send().await;
        answer.header("x-request-id").unwrap().to_owned()
    };
    let longest = "x".repeat(128);
    for good in ["a", "0193-8f1e", &longest] {
        assert_eq!(ask(good).await, good);
    }
    for bad in ["two words", &"x".repeat(129), "\t"] {
        let made = ask(bad).await;
        assert_eq!(made.len(), 36, "{made}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_continued_and_a_broken_one_is_not() {
    let server = Server::start().await;
    let ask = async |parent: &str| {
        let answer = server.client().get("/nope").header("traceparent", parent).send().await;
        expect_problem(&answer, 404, "not-found");
        answer.text("trace_id")
    };
    let trace = "0af7651916cd43dd8448eb211c80319c";
    assert_eq!(ask(&format!("00-{trace}-b7ad6b7169203331-01")).await, trace);
    for broken in ["", "00-x-y-01", &format!("00-{trace}-0000000000000000-01")] {
        assert_ne!(ask(broken).await, trace);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_needs_the_version_it_is_based_on() {
    let server = Server::start().await;
    let ada = Person::new(&server).await;
    let me = ada.get(&server, "/api/v1/me").send().await.expect(200);
    assert_eq!(me.header("etag"), Some("\"1\""));
    let change = |tag: Option<&str>| {
        let request = server.client().patch("/api/v1/me").bearer(&ada.token);
        let request = match tag {
            Some(tag) => request.header("if-match", tag),
            None => request,
        };
        request.json(json!({ "name": "Ada King" })).send()
    };
    expect_problem(&change(None).await, 428, "precondition-required");
    for stale in ["\"7\"", "1", "W/\"1\"", "\"x\""] {
        expect_problem(&change(Some(stale)).await, 412, "version-conflict");
    }
    assert_eq!(change(Some("\"1\"")).await.expect(200).header("etag"), Some("\"2\""));
    change(Some("*")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_already_is_304() {
    let server = Server::start().await;
    let path = Person::new(&server).await.published(&server, json!({})).await + "/totals";
    let first = server.client().get(&path).send().await.expect(200);
    let tag = first.header("etag").unwrap();
    for known in [tag.to_owned(), format!("W/{tag}"), format!("\"0\", {tag}"), "*".to_owned()] {
        let again = server.client().get(&path).header("if-none-match", known).send().await;
        assert!(again.expect(304).body.is_null());
    }
    server.client().get(&path).header("if-none-match", "\"0\"").send().await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gets_no_connection_is_told_to_come_again() {
    let server = Server::builder()
        .env("CAREFORALL_DATABASE__MAX_CONNECTIONS", 1)
        .env("CAREFORALL_DATABASE__POOL_WAIT_SECONDS", 1)
        .start()
        .await;
    let mut client = server.database().client().await;
    let held = client.transaction().await.unwrap();
    held.batch_execute("LOCK TABLE campaign.campaigns").await.unwrap();
    // one of them, or some worker, has the connection, and waits for the lock
    let clients = [server.client(), server.client()];
    let get = |client: &Client| client.get("/api/v1/campaigns").send();
    let (answer, _) = select(pin!(get(&clients[0])), pin!(get(&clients[1]))).await.factor_first();
    expect_problem(&answer, 503, "overloaded");
    assert!(answer.header("retry-after").is_some());
    held.rollback().await.unwrap();
    eventually(PATIENCE, || async { get(&clients[0]).await.status == 200 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_postgres_the_answer_is_503_and_says_when_to_come_again() {
    let mut postgres = OwnPostgres::start();
    let server = Server::builder().database_url(postgres.url("careforall")).start().await;
    postgres.stop();
    for path in ["/api/v1/campaigns", "/api/v1/campaigns/01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f"] {
        let answer = server.client().get(path).send().await;
        expect_problem(&answer, 503, "database-unavailable");
        assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    }
    let ready = server.client().get("/readyz").send().await.expect(503);
    assert_eq!(ready.body["status"], "unavailable");
    assert!(ready.header("retry-after").is_some());
    server.client().get("/livez").send().await.expect(200);
}
