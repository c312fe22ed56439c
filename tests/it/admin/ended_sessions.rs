//! What a session's access tokens are worth once it has ended, here and on another replica.

use serde_json::{Value, json};

use super::{World, id_of};
use crate::support::{
    Client, Server,
    donation::{self, PATIENCE, new_email, sign_up, sign_up_admin, sign_up_as},
    eventually,
    mail::arrive,
};

const PASSWORD: &str = "correct horse battery staple";

async fn replica(world: &World) -> Server {
    donation::builder().database_url(world.server.database().url()).start().await
}

async fn sign_in(client: &Client, email: &str) -> Value {
    let body = json!({ "email": email, "password": PASSWORD });
    client.post("/api/v1/auth/login").json(body).send().await.expect(200).body
}

fn access(session: &Value) -> &str {
    session["access_token"].as_str().unwrap()
}

async fn me(client: &Client, access: &str) -> u16 {
    client.get("/api/v1/me").bearer(access).send().await.status
}

/// Refused from some moment on.
async fn is_refused(client: &Client, access: &str) {
    eventually(PATIENCE, || async { me(client, access).await == 401 }).await;
}

/// Whichever way a session ends: the other replica, which has not heard of it, asks the database.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_signed_out_is_no_administrator_from_that_instant() {
    let world = World::new().await;
    let other = replica(&world).await;
    let (here, there) = (&world.client, other.client());
    let payment = world.gift().await;
    let admin = sign_up_admin(here, &world.server.database().url()).await;
    let account = here.get("/api/v1/me").bearer(&admin).send().await.expect(200);
    let email = account.text("email");
    for way in ["logout", "end", "password"] {
        let (ended, kept) = (sign_in(here, &email).await, sign_in(here, &email).await);
        there.get("/api/v1/admin/dashboard").bearer(access(&ended)).send().await.expect(200);
        match way {
            "logout" => {
                let body = json!({ "refresh_token": ended["refresh_token"] });
                let request = here.post("/api/v1/auth/logout").bearer(access(&ended)).json(body);
                request.send().await.expect(204);
            }
            "end" => {
                let list = here.get("/api/v1/me/sessions").bearer(access(&ended)).send().await;
                let rows = list.expect(200).body["data"].as_array().unwrap().clone();
                let own = rows.iter().find(|row| row["current"] == true).unwrap();
                let path = format!("/api/v1/me/sessions/{}", own["id"].as_str().unwrap());
                here.delete(&path).bearer(access(&kept)).send().await.expect(204);
            }
            _ => {
                // the last: it changes the password
                let body = json!({ "current_password": PASSWORD, "new_password": "entirely other words 42" });
                let request = here.post("/api/v1/me/password").bearer(access(&kept)).json(body);
                request.send().await.expect(204);
            }
        }
        let request = there.post(&format!("/api/v1/payments/{}/refunds", payment.id));
        let refund = request.bearer(access(&ended)).idempotency_key(way).json(json!({}));
        refund.send().await.expect_problem(401, "unauthorized");
        let payment = format!("/api/v1/payments/{}", payment.id);
        let read = there.get(&payment).bearer(access(&ended)).send().await;
        assert!([401, 404].contains(&read.status), "{way}: {}", read.status);
        assert_eq!(me(here, access(&ended)).await, 401, "{way}");
        there.get("/api/v1/admin/dashboard").bearer(access(&kept)).send().await.expect(200);
    }
    assert_eq!(world.books.count("payment.refunds").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_let_in_again_signs_in_at_once_and_old_tokens_stay_dead() {
    let world = World::new().await;
    let other = replica(&world).await;
    let (here, there) = (&world.client, other.client());
    let email = new_email();
    let old = sign_up_as(here, &email).await;
    let user = format!("/admin/users/{}", id_of(here, &old).await);
    world.act(&format!("{user}/suspend")).await.expect(200);
    assert_eq!(me(here, &old).await, 401);
    is_refused(&there, &old).await;
    world.act(&format!("{user}/unsuspend")).await.expect(200);
    let new = sign_in(here, &email).await;
    for client in [here, &there] {
        assert_eq!(me(client, access(&new)).await, 200);
        assert_eq!(me(client, &old).await, 401);
    }
    // the other replica has looked once more
    let next = sign_up(here).await;
    world.act(&format!("/admin/users/{}/suspend", id_of(here, &next).await)).await.expect(200);
    is_refused(&there, &next).await;
    assert_eq!(me(&there, &old).await, 401);
    assert_eq!(me(&there, access(&new)).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_role_and_a_reset_password_end_access_tokens_on_every_replica() {
    let world = World::new().await;
    let other = replica(&world).await;
    let (here, there) = (&world.client, other.client());
    let promoted = sign_up(here).await;
    let role = format!("/admin/users/{}/role", id_of(here, &promoted).await);
    world.post(&role, json!({ "role": "admin", "reason": "joins" })).await.expect(200);
    let email = new_email();
    let robbed = sign_up_as(here, &email).await;
    let body = json!({ "email": email });
    here.post("/api/v1/auth/password-reset").json(body).send().await.expect(202);
    let token = arrive(&world.server, &email, 2).await[1].token();
    let body = json!({ "token": token, "password": "entirely other words 42" });
    here.post("/api/v1/auth/password-reset/confirm").json(body).send().await.expect(204);
    for token in [&promoted, &robbed] {
        assert_eq!(me(here, token).await, 401);
        is_refused(&there, token).await;
    }
}
