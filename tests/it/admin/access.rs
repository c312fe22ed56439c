//! Only administrators, as the database says at that moment.

use reqwest::Method;
use serde_json::json;

use super::{World, id_of};
use crate::support::donation::sign_up;

/// Every route of administrators, from the document itself.
fn routes() -> Vec<(Method, String)> {
    let document = serde_json::to_value(careforall::app::document(true).unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let ours =
        paths.filter(|(path, _)| path.contains("/admin/") || path.contains("/totals/refresh"));
    let routes = ours.flat_map(|(path, item)| {
        let methods = ["get", "post"].into_iter().filter(|method| item.get(method).is_some());
        methods.map(|method| (method.to_uppercase().parse().unwrap(), path.clone()))
    });
    routes.collect()
}

#[tokio::test]
async fn every_route_refuses_strangers_and_users_before_it_reads_anything_else() {
    let world = World::new().await;
    let user = sign_up(&world.client).await;
    let guest = world.campaign.pledge(&world.client, 100).await.token;
    let routes = routes();
    assert!(routes.len() >= 16, "{routes:?}");
    for (method, path) in routes {
        // neither id, query nor body is in order: whoever is no administrator is not told
        let path = format!("{}?limit=nonsense", path.replace("{id}", "nonsense"));
        let request = || world.client.request(method.clone(), &path).raw("nonsense");
        request().send().await.expect_problem(401, "unauthorized");
        request().bearer(&guest).send().await.expect_problem(401, "unauthorized");
        request().bearer("nonsense").send().await.expect_problem(401, "unauthorized");
        request().bearer(&user).send().await.expect_problem(403, "forbidden");
    }
}

#[tokio::test]
async fn an_act_needs_a_reason() {
    let world = World::new().await;
    let user = id_of(&world.client, &sign_up(&world.client).await).await;
    let id = &world.campaign.id;
    for path in [
        format!("/admin/users/{user}/suspend"),
        format!("/admin/users/{user}/unsuspend"),
        format!("/admin/campaigns/{id}/suspend"),
        format!("/admin/campaigns/{id}/unsuspend"),
        "/admin/webhook-events/1/replay".to_owned(),
        format!("/admin/dead-letters/{id}/replay"),
    ] {
        for body in [json!({}), json!({ "reason": " " }), json!({ "reason": "x".repeat(501) })] {
            let refused = world.post(&path, body).await.expect_problem(400, "validation-failed");
            assert_eq!(refused.body["errors"][0]["field"], "reason", "{path}");
        }
    }
    let path = format!("/admin/users/{user}/role");
    let refused = world.post(&path, json!({ "role": "admin" })).await;
    assert_eq!(refused.expect(400).body["errors"][0]["field"], "reason");
    assert_eq!(world.books.count("bus.audit_log").await, 0);
}

#[tokio::test]
async fn who_is_demoted_is_no_administrator_with_the_same_token() {
    let world = World::new().await;
    world.get("/admin/dashboard").await.expect(200);
    world.books.execute("UPDATE auth.users SET role = 'donor'").await;
    world.get("/admin/dashboard").await.expect_problem(403, "forbidden");
}
