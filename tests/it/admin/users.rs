//! Roles and suspensions.

use serde_json::{Value, json};

use super::{World, id_of, ids};
use crate::support::{
    donation::{PATIENCE, new_email, sign_up, sign_up_admin, sign_up_as},
    eventually,
};

fn login(email: &str) -> Value {
    json!({ "email": email, "password": "correct horse battery staple" })
}

#[tokio::test]
async fn a_suspended_user_has_neither_sessions_nor_a_way_to_new_ones() {
    let world = World::new().await;
    let (client, email) = (&world.client, new_email());
    let access = sign_up_as(client, &email).await;
    let id = id_of(client, &access).await;
    let session = client.post("/api/v1/auth/login").json(login(&email)).send().await.expect(200);
    let refresh = json!({ "refresh_token": session.text("refresh_token") });

    let suspended = world.act(&format!("/admin/users/{id}/suspend")).await.expect(200);
    assert!(suspended.body["suspended_at"].is_string(), "{}", suspended.body);

    client
        .post("/api/v1/auth/login")
        .json(login(&email))
        .send()
        .await
        .expect_problem(403, "forbidden");
    let wrong = json!({ "email": email, "password": "not the password of this" });
    let wrong = client.post("/api/v1/auth/login").json(wrong).send().await;
    wrong.expect_problem(401, "invalid-credentials");
    let refreshed = client.post("/api/v1/auth/refresh").json(&refresh).send().await;
    refreshed.expect_problem(401, "invalid-refresh-token");
    // the access token has not run out
    eventually(PATIENCE, || async {
        client.get("/api/v1/me").bearer(&access).send().await.status == 401
    })
    .await;

    let page = world.get("/admin/users?status=suspended").await.expect(200).body;
    assert_eq!(ids(&page), vec![id.clone()]);
    world.act(&format!("/admin/users/{id}/unsuspend")).await.expect(200);
    client.post("/api/v1/auth/login").json(login(&email)).send().await.expect(200);
    let refreshed = client.post("/api/v1/auth/refresh").json(&refresh).send().await;
    refreshed.expect_problem(401, "invalid-refresh-token");
}

#[tokio::test]
async fn a_suspended_administrator_is_none() {
    let world = World::new().await;
    let other = sign_up_admin(&world.client, &world.server.database().url()).await;
    let id = id_of(&world.client, &other).await;
    world.act(&format!("/admin/users/{id}/suspend")).await.expect(200);
    let refused = world.client.get("/api/v1/admin/users").bearer(&other).send().await;
    refused.expect_problem(401, "unauthorized");
}

#[tokio::test]
async fn an_act_is_in_the_audit_log_with_who_what_why_before_and_after() {
    let world = World::new().await;
    let id = id_of(&world.client, &sign_up(&world.client).await).await;
    let path = format!("/admin/users/{id}/role");
    let body = json!({ "role": "admin", "reason": "joins the team" });
    assert_eq!(world.post(&path, body).await.expect(200).body["role"], "admin");
    let act = world.last_act().await;
    let me = id_of(&world.client, &world.admin).await;
    assert_eq!(act["actor_id"], json!(me));
    assert_eq!((&act["action"], &act["target_type"]), (&json!("user.role"), &json!("user")));
    assert_eq!((&act["target_id"], &act["reason"]), (&json!(id), &json!("joins the team")));
    assert_eq!((&act["before"]["role"], &act["after"]["role"]), (&json!("donor"), &json!("admin")));
    assert_eq!(act["request_id"], "the-request");
    let mine = world.get(&format!("/admin/audit-log?user_id={me}")).await.expect(200).body;
    assert_eq!(mine["data"].as_array().unwrap().len(), 1);
    let others = world.get(&format!("/admin/audit-log?user_id={id}")).await.expect(200).body;
    assert_eq!(others["data"], json!([]));
    let before = world.get("/admin/audit-log?to=2020-01-01T00:00:00Z").await.expect(200).body;
    assert_eq!(before["data"], json!([]));
}

#[tokio::test]
async fn nobody_acts_upon_themselves_or_upon_nobody() {
    let world = World::new().await;
    let me = id_of(&world.client, &world.admin).await;
    let refused = world.act(&format!("/admin/users/{me}/suspend")).await;
    refused.expect_problem(409, "invalid-transition");
    let demote = json!({ "role": "donor", "reason": "tired" });
    let refused = world.post(&format!("/admin/users/{me}/role"), demote).await;
    refused.expect_problem(409, "invalid-transition");
    let nobody = &world.campaign.id;
    world.act(&format!("/admin/users/{nobody}/suspend")).await.expect_problem(404, "not-found");
    assert_eq!(world.books.count("bus.audit_log").await, 0);
}

#[tokio::test]
async fn of_administrators_who_demote_each_other_one_remains() {
    let world = World::new().await;
    let (client, url) = (&world.client, world.server.database().url());
    for _ in 0..5 {
        let (a, b) = (sign_up_admin(client, &url).await, sign_up_admin(client, &url).await);
        let (id_a, id_b) = (id_of(client, &a).await, id_of(client, &b).await);
        let demote = |token: String, id: String| {
            let request = client.post(&format!("/api/v1/admin/users/{id}/role")).bearer(token);
            request.json(json!({ "role": "donor", "reason": "a quarrel" })).send()
        };
        let (one, two) = tokio::join!(demote(a, id_b.clone()), demote(b, id_a.clone()));
        let mut both = [one.status, two.status];
        both.sort_unstable();
        // the slower one finds out before its act or in it
        assert!(matches!(both, [200, 401 | 403]), "{both:?}");
        let left = format!("auth.users WHERE role = 'admin' AND id IN ('{id_a}', '{id_b}')");
        assert_eq!(world.books.count(&left).await, 1);
    }
}
