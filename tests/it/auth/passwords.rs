use serde_json::{Value, json};

use super::{PASSWORD, access, code, login, refresh, sign_in};
use crate::support::{Response, Server, mail::arrive};

const NEW: &str = "entirely other words 42";

async fn change(server: &Server, access: &Value, current: &str, new: &str) -> Response {
    let body = json!({ "current_password": current, "new_password": new });
    let token = access.as_str().unwrap();
    server.client().post("/api/v1/me/password").bearer(token).json(body).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_ends_the_other_sessions_and_its_owner_is_told() {
    let server = Server::start().await;
    let here = sign_in(&server, "ada@example.org").await;
    let there = login(&server, "ada@example.org", PASSWORD).await.expect(200).body;
    change(&server, &here["access_token"], PASSWORD, NEW).await.expect(204);
    assert_eq!(code(&refresh(&server, &there["refresh_token"]).await).0, 401);
    refresh(&server, &here["refresh_token"]).await.expect(200);
    assert_eq!(login(&server, "ada@example.org", PASSWORD).await.status, 401);
    login(&server, "ada@example.org", NEW).await.expect(200);
    let told = arrive(&server, "ada@example.org", 2).await;
    // it may have overtaken the one of the registration
    assert!(told.iter().any(|letter| letter.subject == "Your password was changed"), "{told:?}");
    let late = change(&server, &there["access_token"], NEW, "yet another phrase 43").await;
    assert_eq!(code(&late), (401, "unauthorized"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_changed_only_with_the_current_one_and_to_a_good_one() {
    let server = Server::start().await;
    let ada = sign_in(&server, "ada@example.org").await;
    let wrong = change(&server, &ada["access_token"], "not this one at all", NEW).await;
    assert_eq!(code(&wrong), (401, "invalid-credentials"));
    for (bad, kind) in [
        ("elevenchars", "invalid"),
        ("password1234", "too-common"),
        ("ada@example.org", "too-common"),
    ] {
        let refused = change(&server, &ada["access_token"], PASSWORD, bad).await;
        assert_eq!(code(&refused), (400, "validation-failed"), "{bad}");
        assert_eq!(refused.body["errors"][0]["field"], "new_password");
        assert_eq!(refused.body["errors"][0]["code"], kind);
    }
    login(&server, "ada@example.org", PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_session_guesses_no_faster_than_a_sign_in() {
    let server = Server::start().await;
    let ada = sign_in(&server, "ada@example.org").await;
    let mut last = 401;
    for _ in 0..11 {
        last = change(&server, &ada["access_token"], "not this one at all", NEW).await.status;
    }
    assert_eq!(last, 429);
}

/// Sign-ins with the old password race with its change: whichever way each goes, no session of the
/// old password is left.
#[tokio::test(flavor = "multi_thread")]
async fn no_session_slips_through_while_the_password_changes() {
    let server = Server::start().await;
    let here = sign_in(&server, "ada@example.org").await;
    let (changed, late) = futures_util::join!(
        change(&server, &here["access_token"], PASSWORD, NEW),
        futures_util::future::join_all((0..6).map(|_| login(&server, "ada@example.org", PASSWORD))),
    );
    changed.expect(204);
    for session in late.iter().filter(|answer| answer.status == 200) {
        assert_eq!(refresh(&server, &session.body["refresh_token"]).await.status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_changes_no_password() {
    let server = Server::start().await;
    let key = super::api_keys::create(&server, &access(&server, "ada@example.org").await).await;
    let refused = change(&server, &json!(key), PASSWORD, NEW).await;
    assert_eq!(code(&refused), (403, "forbidden"));
}
