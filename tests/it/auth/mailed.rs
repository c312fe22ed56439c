//! What is mailed: each token once, for one purpose, in time; and nobody learns who is known.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{PASSWORD, code, login, post, register, sign_in, sql};
use crate::support::{
    Server,
    donation::{Campaign, PATIENCE, builder, changed, new_key, promise},
    eventually,
    mail::{arrive, written},
};

const VERIFY: &str = "/api/v1/auth/verify-email";
const RESET: &str = "/api/v1/auth/password-reset";
const CONFIRM: &str = "/api/v1/auth/password-reset/confirm";
const LINKS: &str = "/api/v1/auth/magic-links";
const REDEEM: &str = "/api/v1/auth/magic-links/redeem";

/// Has the clerk served all requests?
async fn served(server: &Server) {
    let client = server.database().client().await;
    eventually(PATIENCE, async || {
        let left = "SELECT count(*) FROM auth.mail_requests";
        client.query_one(left, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_proven_once_with_the_token_of_the_registration() {
    let server = Server::start().await;
    register(&server, "ada@example.org").await;
    let token = arrive(&server, "ada@example.org", 1).await[0].token();
    let wrong = post(&server, VERIFY, json!({ "token": "x".repeat(43) })).await;
    assert_eq!(code(&wrong), (400, "validation-failed"));
    assert_eq!(wrong.body["errors"][0]["field"], "token");
    for elsewhere in [CONFIRM, REDEEM] {
        let body = json!({ "token": token, "password": PASSWORD });
        let body = if elsewhere == REDEEM { json!({ "token": token }) } else { body };
        let refused = post(&server, elsewhere, body).await;
        assert!(matches!(refused.status, 400 | 401), "a token has one purpose: {elsewhere}");
    }
    post(&server, VERIFY, json!({ "token": token })).await.expect(204);
    let again = post(&server, VERIFY, json!({ "token": token })).await;
    assert_eq!(code(&again), (400, "validation-failed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_set_anew_and_all_sessions_end() {
    let server = Server::start().await;
    let session = sign_in(&server, "ada@example.org").await;
    for _ in 0..2 {
        post(&server, RESET, json!({ "email": " Ada@Example.org" })).await.expect(202);
    }
    let letters = arrive(&server, "ada@example.org", 3).await;
    let [first, second] = [&letters[1], &letters[2]];
    assert_eq!(first.subject, "Set a new password");
    let new = "entirely other words 42";
    let confirm = async |token: &str, password: &str| {
        post(&server, CONFIRM, json!({ "token": token, "password": password })).await
    };
    let common = confirm(&first.token(), "password1234").await;
    assert_eq!(common.body["errors"][0]["code"], "too-common", "{}", common.body);
    confirm(&first.token(), new).await.expect(204);
    for used in [first, second] {
        let again = confirm(&used.token(), "yet another phrase 43").await;
        assert_eq!(code(&again), (400, "validation-failed"), "one reset ends all requests for it");
    }
    assert_eq!(login(&server, "ada@example.org", PASSWORD).await.status, 401);
    login(&server, "ada@example.org", new).await.expect(200);
    let old = super::refresh(&server, &session["refresh_token"]).await;
    assert_eq!(code(&old), (401, "invalid-refresh-token"));
    let told = arrive(&server, "ada@example.org", 4).await;
    assert_eq!(told[3].subject, "Your password was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_come_with_one_token_one_gets_in() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let gift = changed(campaign.gift(100), json!({ "donor_email": "ada@example.org" }));
    promise(&client, &new_key(), &gift).await.expect(201);
    post(&server, LINKS, json!({ "email": "ada@example.org" })).await.expect(202);
    let token = arrive(&server, "ada@example.org", 1).await[0].token();
    let tries = (0..8).map(|_| post(&server, REDEEM, json!({ "token": token })));
    let answers = futures_util::future::join_all(tries).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|a| a.status == 200);
    assert_eq!(won.len(), 1);
    assert_eq!(won[0].body["expires_in"], 900);
    assert!(lost.iter().all(|a| code(a) == (401, "invalid-magic-link")));
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_tokens_are_refused() {
    let server = builder().start().await;
    let client = server.client();
    register(&server, "ada@example.org").await;
    let campaign = Campaign::open(&client).await;
    let gift = changed(campaign.gift(100), json!({ "donor_email": "ada@example.org" }));
    promise(&client, &new_key(), &gift).await.expect(201);
    for path in [RESET, LINKS] {
        post(&server, path, json!({ "email": "ada@example.org" })).await.expect(202);
    }
    let letters = arrive(&server, "ada@example.org", 3).await;
    let token = |subject: &str| letters.iter().find(|l| l.subject == subject).unwrap().token();
    let lifetimes = "SELECT count(*) FROM auth.mailed_tokens WHERE expires_at - created_at =
        CASE purpose WHEN 'magic_link' THEN interval '15 minutes'
                     WHEN 'password_reset' THEN interval '1 hour' ELSE interval '3 days' END";
    let row = server.database().client().await.query_one(lifetimes, &[]).await.unwrap();
    // the campaign's owner has registered as well
    assert_eq!(row.get::<_, i64>(0), 4);
    sql(&server, "UPDATE auth.mailed_tokens SET expires_at = now()").await;
    let link = post(&server, REDEEM, json!({ "token": token("See your gifts") })).await;
    assert_eq!(code(&link), (401, "invalid-magic-link"));
    let reset = json!({ "token": token("Set a new password"), "password": PASSWORD });
    assert_eq!(post(&server, CONFIRM, reset).await.status, 400);
    let verify = json!({ "token": token("Please confirm your e-mail address") });
    assert_eq!(post(&server, VERIFY, verify).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_addresses_get_the_same_answer_and_no_mail() {
    let server = Server::start().await;
    register(&server, "ada@example.org").await;
    arrive(&server, "ada@example.org", 1).await;
    for path in [RESET, LINKS] {
        let answer = post(&server, path, json!({ "email": "bob@example.org" })).await;
        assert_eq!((answer.status, answer.body), (202, json!(null)));
        let bad = post(&server, path, json!({ "email": "bob" })).await;
        assert_eq!(code(&bad), (400, "validation-failed"));
    }
    // an account is no guest's gift
    post(&server, LINKS, json!({ "email": "ada@example.org" })).await.expect(202);
    served(&server).await;
    let reset = json!({ "email": "ada@example.org" });
    post(&server, RESET, reset).await.expect(202);
    let letters = arrive(&server, "ada@example.org", 2).await;
    assert_eq!(letters[1].subject, "Set a new password");
    assert_eq!(written(&server).len(), 2, "nobody else gets mail");
}

/// The request does the same for every address; medians, because the machine has other things to
/// do as well.
#[tokio::test(flavor = "multi_thread")]
async fn known_and_unknown_addresses_take_the_same_time() {
    let server = Server::start().await;
    register(&server, "ada@example.org").await;
    for path in [RESET, LINKS] {
        let mut taken = [Vec::new(), Vec::new()];
        for _ in 0..41 {
            for (email, taken) in ["ada@example.org", "bob@example.org"].iter().zip(&mut taken) {
                let started = Instant::now();
                post(&server, path, json!({ "email": email })).await.expect(202);
                taken.push(started.elapsed());
            }
        }
        let [known, unknown] = taken.map(|mut times: Vec<Duration>| {
            times.sort_unstable();
            times[20].as_secs_f64()
        });
        assert!((0.5..2.0).contains(&(unknown / known)), "{path}: {known} s and {unknown} s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobodys_mailbox_is_flooded_by_strangers() {
    let server = Server::start().await;
    register(&server, "ada@example.org").await;
    for _ in 0..12 {
        post(&server, RESET, json!({ "email": "ada@example.org" })).await.expect(202);
    }
    served(&server).await;
    let made = "SELECT count(*) FROM auth.mailed_tokens WHERE purpose = 'password_reset'";
    let row = server.database().client().await.query_one(made, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 5);
}

/// Somebody has opened an account with an address that is not theirs, and has made a key. When the
/// address's owner takes the account over, nothing of the stranger's is left.
#[tokio::test(flavor = "multi_thread")]
async fn who_takes_an_unproven_account_over_has_it_alone() {
    let server = Server::start().await;
    let stranger = super::access(&server, "ada@example.org").await;
    let key = super::api_keys::create(&server, &stranger).await;
    let reset = async |password: &str, letters: usize| {
        post(&server, RESET, json!({ "email": "ada@example.org" })).await.expect(202);
        let token = arrive(&server, "ada@example.org", letters).await[letters - 1].token();
        let body = json!({ "token": token, "password": password });
        post(&server, CONFIRM, body).await.expect(204);
    };
    reset("entirely other words 42", 2).await;
    let used = server.client().get("/api/v1/me").bearer(&key).send().await;
    assert_eq!(code(&used), (401, "unauthorized"));
    let ada = login(&server, "ada@example.org", "entirely other words 42").await.expect(200);
    let own = super::api_keys::create(&server, &ada.text("access_token")).await;
    reset("yet another phrase 43", 4).await;
    let kept = server.client().get("/api/v1/me").bearer(&own).send().await;
    assert_eq!(kept.status, 200, "once the address is proven, forgetting a password ends no keys");
}
