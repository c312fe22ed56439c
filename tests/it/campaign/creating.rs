use serde_json::json;

use super::{Person, Server, guilty, wells};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_campaign_is_a_draft_with_totals_of_zero() {
    let server = Server::start().await;
    let ada = Person::new(&server).await;
    let draft = ada.draft(&server, json!({"title": "  Wells "})).await.expect(201);
    assert_eq!(draft.header("etag"), Some("\"1\""));
    let path = draft.header("location").unwrap();
    assert_eq!(path, format!("/api/v1/campaigns/{}", draft.text("id")));
    let fields = |field: &str| &draft.body[field];
    assert_eq!((fields("status"), fields("title")), (&json!("draft"), &json!("Wells")));
    assert_eq!((fields("allow_overfunding"), fields("category")), (&json!(true), &json!(null)));
    let totals = &draft.body["totals"];
    assert_eq!((&totals["net_minor"], &totals["goal_minor"]), (&json!(0), &json!(100_000)));
    assert_eq!(totals["campaign_id"], draft.body["id"]);
    let read = ada.get(&server, path).send().await.expect(200);
    assert_eq!(read.text("id"), draft.text("id"));
    assert_eq!(read.header("etag"), Some("\"1\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_does_not_exist_for_others() {
    let server = Server::start().await;
    let (ada, bob) = (Person::new(&server).await, Person::new(&server).await);
    let admin = Person::admin(&server).await;
    let path = ada.drafted(&server, json!({})).await;
    let code = "campaign-not-found";
    server.client().get(&path).send().await.expect_problem(404, code);
    bob.get(&server, &path).send().await.expect_problem(404, code);
    bob.patch(&server, &path, 1, json!({})).await.expect_problem(404, code);
    bob.act(&server, &path, "publish").await.expect_problem(404, code);
    let totals = format!("{path}/totals");
    ada.get(&server, &totals).send().await.expect_problem(404, code);
    admin.get(&server, &path).send().await.expect(200);
    // also once it is cancelled
    ada.act(&server, &path, "cancel").await.expect(200);
    server.client().get(&path).send().await.expect_problem(404, code);
    bob.act(&server, &path, "cancel").await.expect_problem(404, code);
    ada.get(&server, &path).send().await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_before_form_and_form_names_its_fields() {
    let server = Server::start().await;
    let client = server.client();
    let post = || client.post("/api/v1/campaigns");
    post().json(json!({"junk": 1})).send().await.expect_problem(401, "unauthorized");
    post().bearer("junk").json(wells()).send().await.expect_problem(401, "unauthorized");
    client.get("/api/v1/campaigns/1").send().await.expect_problem(400, "validation-failed");
    let ada = Person::new(&server).await;
    for (field, bad) in [
        ("title", json!({"title": " "})),
        ("goal_minor", json!({"goal_minor": 1.5})),
        ("goal_minor", json!({"goal_minor": 0})),
        ("currency", json!({"currency": "XXX"})),
        ("owner_id", json!({"owner_id": "x"})),
        ("ends_at", json!({"ends_at": "2020-01-01T00:00:00Z"})),
        (
            "ends_at",
            json!({"ends_at": "2040-01-01T00:00:00Z", "starts_at": "2040-01-01T00:00:00Z"}),
        ),
        ("description", json!({"description": "\u{0}"})),
    ] {
        let problem = ada.draft(&server, bad).await.expect_problem(400, "validation-failed");
        assert_eq!(guilty(&problem), [field]);
    }
}
