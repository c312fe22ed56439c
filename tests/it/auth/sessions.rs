use std::time::{Duration, Instant};

use serde_json::json;

use super::{PASSWORD, code, login, refresh, register, sign_in};
use crate::support::Server;

#[tokio::test(flavor = "multi_thread")]
async fn unknown_e_mail_and_wrong_password_are_answered_alike() {
    let server = Server::builder().start().await;
    register(&server, "ada@example.org").await;
    let wrong = login(&server, "ada@example.org", "not this one at all").await;
    let unknown = login(&server, "bob@example.org", "not this one at all").await;
    assert_eq!(code(&wrong), (401, "invalid-credentials"));
    assert_eq!(code(&unknown), (401, "invalid-credentials"));
    assert_eq!(wrong.body["detail"], unknown.body["detail"]);
    assert_eq!(wrong.body["title"], unknown.body["title"]);
}

/// Medians, and the two in turns, because the machine has other things to do as well. Nine of each:
/// an account has ten tries.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_e_mail_and_wrong_password_take_the_same_time() {
    let server = Server::builder().start().await;
    register(&server, "ada@example.org").await;
    let mut taken = [Vec::new(), Vec::new()];
    for _ in 0..9 {
        for (email, taken) in ["ada@example.org", "bob@example.org"].iter().zip(&mut taken) {
            let started = Instant::now();
            let refused = login(&server, email, "not this one at all").await;
            taken.push(started.elapsed());
            assert_eq!(refused.status, 401);
        }
    }
    let [known, unknown] = taken.map(|mut times: Vec<Duration>| {
        times.sort_unstable();
        times[4].as_secs_f64()
    });
    assert!((0.5..2.0).contains(&(unknown / known)), "{known} s and {unknown} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_gives_tokens_and_the_user() {
    let server = Server::builder().start().await;
    let session = sign_in(&server, "ada@example.org").await;
    assert_eq!(session["token_type"], "Bearer");
    assert_eq!(session["expires_in"], 900);
    assert_eq!(session["user"]["email"], "ada@example.org");
    let access = session["access_token"].as_str().unwrap();
    let me = server.client().get("/api/v1/me").bearer(access).send().await;
    assert_eq!(me.body, session["user"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_used_twice_ends_its_session_and_no_other() {
    let server = Server::builder().start().await;
    let stolen = sign_in(&server, "ada@example.org").await;
    let other = login(&server, "ada@example.org", PASSWORD).await.body;
    let next = refresh(&server, &stolen["refresh_token"]).await;
    assert_eq!(next.status, 200, "{}", next.body);
    let again = refresh(&server, &stolen["refresh_token"]).await;
    assert_eq!(code(&again), (401, "invalid-refresh-token"));
    let heir = refresh(&server, &next.body["refresh_token"]).await;
    assert_eq!(code(&heir), (401, "invalid-refresh-token"), "the whole family is revoked");
    assert_eq!(refresh(&server, &other["refresh_token"]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_refreshes_exactly_one_wins() {
    let server = Server::builder().start().await;
    let session = sign_in(&server, "ada@example.org").await;
    let tries = (0..8).map(|_| refresh(&server, &session["refresh_token"]));
    let answers = futures_util::future::join_all(tries).await;
    let won: Vec<_> = answers.iter().filter(|r| r.status == 200).collect();
    assert_eq!(won.len(), 1);
    assert!(answers.iter().all(|r| r.status == 200 || code(r) == (401, "invalid-refresh-token")));
    let heir = refresh(&server, &won[0].body["refresh_token"]).await;
    assert_eq!(heir.status, 401, "what looks like theft ends the session");
}

/// An old token comes again while the newest is being rotated: whichever goes first, no token of
/// the session is good afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn no_heir_slips_through_while_its_family_is_revoked() {
    let server = Server::builder().start().await;
    register(&server, "ada@example.org").await;
    for _ in 0..10 {
        let first = login(&server, "ada@example.org", PASSWORD).await.body;
        let second = refresh(&server, &first["refresh_token"]).await.body;
        let (reused, rotated) = futures_util::join!(
            refresh(&server, &first["refresh_token"]),
            refresh(&server, &second["refresh_token"]),
        );
        assert_eq!(reused.status, 401);
        if rotated.status == 200 {
            let heir = refresh(&server, &rotated.body["refresh_token"]).await;
            assert_eq!(code(&heir), (401, "invalid-refresh-token"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_refresh_token_is_refused() {
    let server = Server::builder().start().await;
    let session = sign_in(&server, "ada@example.org").await;
    for token in [json!(""), json!("nonsense"), session["access_token"].clone()] {
        let answer = refresh(&server, &token).await;
        assert_eq!(code(&answer), (401, "invalid-refresh-token"), "{token}");
    }
    assert_eq!(code(&refresh(&server, &json!(1)).await), (400, "validation-failed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_ones_own_session_however_often() {
    let server = Server::builder().start().await;
    let ada = sign_in(&server, "ada@example.org").await;
    let bob = sign_in(&server, "bob@example.org").await;
    let logout = async |who: &serde_json::Value, token: &serde_json::Value| {
        let access = who["access_token"].as_str().unwrap();
        let body = json!({ "refresh_token": token });
        server.client().post("/api/v1/auth/logout").bearer(access).json(body).send().await.status
    };
    assert_eq!(logout(&bob, &ada["refresh_token"]).await, 204);
    let next = refresh(&server, &ada["refresh_token"]).await;
    assert_eq!(next.status, 200, "nobody ends another's session");
    let other = login(&server, "ada@example.org", PASSWORD).await.expect(200).body;
    assert_eq!(logout(&other, &next.body["refresh_token"]).await, 204);
    assert_eq!(logout(&other, &next.body["refresh_token"]).await, 204);
    assert_eq!(logout(&ada, &next.body["refresh_token"]).await, 401, "nobody is signed in by it");
    let after = refresh(&server, &next.body["refresh_token"]).await;
    assert_eq!(code(&after), (401, "invalid-refresh-token"));
    let body = json!({ "refresh_token": "x" });
    let anonymous = server.client().post("/api/v1/auth/logout").json(body).send().await;
    assert_eq!(code(&anonymous), (401, "unauthorized"));
}
