//! Passwords are guessed slowly, and nobody locks somebody else out.

use futures_util::{StreamExt, stream};
use serde_json::json;

use super::{PASSWORD, code, login, register};
use crate::support::{Response, Server};

/// From behind a proxy that the server trusts.
async fn login_from(server: &Server, address: &str, email: &str, password: &str) -> Response {
    let body = json!({ "email": email, "password": password });
    let request = server.client().post("/api/v1/auth/login").header("x-forwarded-for", address);
    request.json(body).send().await
}

async fn behind_proxy() -> Server {
    Server::builder().env("CAREFORALL_HTTP__TRUSTED_PROXIES", "127.0.0.1").start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_ten_wrong_passwords_one_has_to_wait_whether_the_account_exists_or_not() {
    let server = Server::start().await;
    register(&server, "ada@example.org").await;
    for email in ["ada@example.org", "bob@example.org"] {
        for _ in 0..10 {
            let wrong = login(&server, email, "not this one at all").await;
            assert_eq!(code(&wrong), (401, "invalid-credentials"));
        }
        let refused = login(&server, email, PASSWORD).await;
        assert_eq!(code(&refused), (429, "rate-limited"));
        let seconds: u32 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=31).contains(&seconds), "{seconds}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_guesses_at_once_are_all_counted() {
    let server = Server::start().await;
    register(&server, "ada@example.org").await;
    let all = (0..40).map(|_| login(&server, "ada@example.org", "not this one at all"));
    let answers = futures_util::future::join_all(all).await;
    let judged = answers.iter().filter(|a| a.status == 401).count();
    assert!(judged <= 11, "{judged} guesses were judged");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_everywhere_do_not_keep_the_owner_out() {
    let server = behind_proxy().await;
    register(&server, "ada@example.org").await;
    login_from(&server, "192.0.2.1", "ada@example.org", PASSWORD).await.expect(200);
    let mut refused = 0;
    for stranger in 0..60 {
        let address = format!("198.51.100.{stranger}");
        let answer = login_from(&server, &address, "ada@example.org", "not this one at all").await;
        refused += usize::from(answer.status == 429);
    }
    assert!(refused >= 9, "the crowd is slowed down: {refused}");
    let elsewhere = login_from(&server, "203.0.113.9", "ada@example.org", PASSWORD).await;
    let seconds: u32 = elsewhere.header("retry-after").unwrap_or("0").parse().unwrap();
    assert!(seconds <= 61, "{seconds}");
    login_from(&server, "192.0.2.1", "ada@example.org", PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_tries_many_accounts_slowly() {
    let server = behind_proxy().await;
    register(&server, "ada@example.org").await;
    login_from(&server, "192.0.2.1", "ada@example.org", PASSWORD).await.expect(200);
    let tries = (0..130).map(|i| {
        let (server, email) = (&server, format!("donor{i}@example.org"));
        async move { login_from(server, "192.0.2.1", &email, "not this one at all").await.status }
    });
    let answers: Vec<_> = stream::iter(tries).buffer_unordered(8).collect().await;
    let judged = answers.iter().filter(|status| **status == 401).count();
    assert!(judged <= 110, "{judged} guesses were judged");
    login_from(&server, "192.0.2.1", "ada@example.org", PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_header_makes_nobody_somebody_else() {
    let server = Server::start().await;
    for i in 0..10 {
        let address = format!("198.51.100.{i}");
        login_from(&server, &address, "ada@example.org", "not this one at all").await.expect(401);
    }
    let refused = login_from(&server, "203.0.113.9", "ada@example.org", PASSWORD).await;
    assert_eq!(refused.status, 429);
}
