//! Limits of addresses, keys and accounts.

use std::collections::BTreeSet;

use serde_json::json;

use super::{expect_limited, limited, read_from, told};
use crate::{
    auth::api_keys,
    support::{
        Response, Server,
        donation::{new_email, sign_up},
    },
};

/// A write that changes nothing.
async fn write(server: &Server) -> Response {
    server.client().post("/api/v1/auth/refresh").json(json!({})).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_and_reads_of_an_address_are_counted_apart_and_told() {
    let server = limited().env("CAREFORALL_RATE_LIMIT__PER_IP_PER_MINUTE", 3).start().await;
    for left in [2, 1, 0] {
        assert_eq!(told(&write(&server).await.expect(400)), (3, left));
    }
    expect_limited(write(&server).await);
    let read = read_from(&server, "192.0.2.1").await.expect(200);
    assert_eq!(told(&read), (1_000, 999));
    let text = server.metrics_text().await;
    assert!(text.contains("rate_limited_total{class=\"writes\"} 1"), "{text}");
}

/// Or whoever asks for ever new paths would fill our memory, and the collector's.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_counted_by_its_route_not_its_path() {
    let reads = "CAREFORALL_RATE_LIMIT__READS_PER_IP_PER_MINUTE";
    let server = limited().env(reads, 1).start().await;
    let client = server.client();
    for path in ["/api/v1/campaigns/1", "/api/v1/campaigns/2/totals", "/no/such/3", "/docs/4"] {
        client.get(path).send().await;
    }
    let text = server.metrics_text().await;
    let refused = text.lines().filter(|line| line.contains("status=\"429\""));
    let routes: BTreeSet<&str> =
        refused.filter_map(|line| line.split("route=\"").nth(1)?.split('"').next()).collect();
    let known = ["/api/v1/campaigns/{id}/totals", "/docs", "unmatched"];
    assert_eq!(routes, BTreeSet::from(known), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_webhooks_are_exempt() {
    let server = limited()
        .env("CAREFORALL_RATE_LIMIT__PER_IP_PER_MINUTE", 1)
        .env("CAREFORALL_RATE_LIMIT__READS_PER_IP_PER_MINUTE", 1)
        .start()
        .await;
    let client = server.client();
    write(&server).await.expect(400);
    expect_limited(write(&server).await);
    for _ in 0..3 {
        for path in ["/livez", "/readyz", "/health"] {
            assert!(client.get(path).send().await.expect(200).header("ratelimit-limit").is_none());
        }
        let webhook = client.post("/api/v1/webhooks/sandbox").json(json!({})).send().await;
        webhook.expect(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_not_made_up() {
    let one = "CAREFORALL_RATE_LIMIT__READS_PER_IP_PER_MINUTE";
    let proxied = limited().env(one, 1).start().await;
    read_from(&proxied, "192.0.2.1").await.expect(200);
    expect_limited(read_from(&proxied, "192.0.2.1").await);
    read_from(&proxied, "192.0.2.2").await.expect(200);
    // what stands before the address that the proxy saw was written by the client
    expect_limited(read_from(&proxied, "203.0.113.1, 192.0.2.1").await);
    // one household, however many addresses it has
    read_from(&proxied, "2001:db8:1:2::3").await.expect(200);
    expect_limited(read_from(&proxied, "2001:db8:1:2:ffff::4").await);
    let direct = limited().env("CAREFORALL_HTTP__TRUSTED_PROXIES", "").env(one, 1).start().await;
    read_from(&direct, "192.0.2.1").await.expect(200);
    expect_limited(read_from(&direct, "192.0.2.2").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_api_key_only_the_keys_limit_counts() {
    let server = limited()
        .env("CAREFORALL_RATE_LIMIT__PER_IP_PER_MINUTE", 3)
        .env("CAREFORALL_RATE_LIMIT__PER_API_KEY_PER_MINUTE", 2)
        .start()
        .await;
    let client = server.client();
    let key = api_keys::create(&server, &sign_up(&client).await).await;
    expect_limited(write(&server).await);
    for left in [1, 0] {
        let made = client.post("/api/v1/campaigns").bearer(&key).json(json!({})).send().await;
        assert_eq!(told(&made.expect(400)), (2, left));
    }
    expect_limited(client.get("/api/v1/me").bearer(&key).send().await);
    read_from(&server, "127.0.0.1").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_searches_for_keys() {
    let server = limited().env("CAREFORALL_RATE_LIMIT__PER_IP_PER_MINUTE", 3).start().await;
    let guess = async |n: u32| {
        let request = server.client().get("/api/v1/me").bearer(format!("cfa_{n:043}"));
        request.send().await
    };
    for n in 0..3 {
        guess(n).await.expect_problem(401, "unauthorized");
    }
    guess(3).await.expect_problem(429, "rate-limited");
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_registrations_and_mail_have_limits_of_their_own() {
    let server = limited().env("CAREFORALL_RATE_LIMIT__AUTH_PER_MINUTE", 2).start().await;
    let post = async |path: &str, email: &str| {
        let mut body = json!({ "email": email });
        if path != "magic-links" && path != "password-reset" {
            body["password"] = json!("correct horse battery staple");
        }
        if path == "register" {
            body["name"] = json!("Ada");
        }
        server.client().post(&format!("/api/v1/auth/{path}")).json(body).send().await
    };
    let (ada, bob, eve) = (new_email(), new_email(), new_email());
    assert_eq!(told(&post("magic-links", &ada).await.expect(202)), (2, 1));
    post("password-reset", &ada).await.expect(202);
    expect_limited(post("magic-links", &ada).await);
    post("magic-links", &bob).await.expect(202);
    post("login", &eve).await.expect(401);
    post("login", &eve).await.expect(401);
    expect_limited(post("login", &eve).await);
    // registrations are counted by address alone
    post("register", &ada).await.expect(201);
    post("register", &bob).await.expect(201);
    expect_limited(post("register", &eve).await);
}
