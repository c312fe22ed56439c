use serde_json::json;

use super::{Person, Server, guilty};

#[tokio::test(flavor = "multi_thread")]
async fn a_change_names_the_version_it_is_based_on() {
    let server = Server::start().await;
    let ada = Person::new(&server).await;
    let path = ada.drafted(&server, json!({})).await;
    let without = server.client().patch(&path).bearer(&ada.token).json(json!({}));
    without.send().await.expect_problem(428, "precondition-required");
    let changed = ada.patch(&server, &path, 1, json!({"title": "Better wells"})).await.expect(200);
    assert_eq!(
        (changed.header("etag"), changed.text("title")),
        (Some("\"2\""), "Better wells".into())
    );
    ada.patch(&server, &path, 1, json!({})).await.expect_problem(412, "version-conflict");
    let same = ada.patch(&server, &path, 2, json!({"title": "Better wells"})).await.expect(200);
    assert_eq!(same.header("etag"), Some("\"2\""), "nothing changed");
    let any = server.client().patch(&path).bearer(&ada.token).header("if-match", "*");
    any.json(json!({"goal_minor": 5})).send().await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_changes_of_one_version_one_wins() {
    let server = Server::start().await;
    let ada = Person::new(&server).await;
    let path = ada.drafted(&server, json!({})).await;
    let all = (0..8).map(|n| ada.patch(&server, &path, 1, json!({"goal_minor": n + 1})));
    let answers = futures_util::future::join_all(all).await;
    assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|a| a.status == 412).count(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn null_takes_away_and_absent_leaves() {
    let server = Server::start().await;
    let ada = Person::new(&server).await;
    let dates = json!({"category": "water", "starts_at": "2039-01-01T00:00:00Z", "ends_at": "2040-01-01T00:00:00Z"});
    let path = ada.drafted(&server, dates).await;
    let changed = ada.patch(&server, &path, 1, json!({"category": null, "starts_at": null})).await;
    let changed = changed.expect(200);
    assert_eq!(
        (&changed.body["category"], &changed.body["starts_at"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(changed.text("ends_at"), "2040-01-01T00:00:00Z");
    for field in ["title", "description", "goal_minor", "currency", "allow_overfunding"] {
        let problem = ada.patch(&server, &path, 2, json!({field: null})).await;
        assert_eq!(guilty(&problem.expect_problem(400, "validation-failed")), [field]);
    }
    let early = json!({"starts_at": "2041-01-01T00:00:00Z"});
    let problem =
        ada.patch(&server, &path, 2, early).await.expect_problem(400, "validation-failed");
    assert_eq!(guilty(&problem), ["ends_at"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_currency_is_fixed_once_published() {
    let server = Server::start().await;
    let ada = Person::new(&server).await;
    let path = ada.drafted(&server, json!({})).await;
    let euro = || json!({"currency": "EUR"});
    let changed = ada.patch(&server, &path, 1, euro()).await.expect(200);
    assert_eq!(changed.text("currency"), "EUR");
    ada.act(&server, &path, "publish").await.expect(200);
    ada.patch(&server, &path, 3, euro()).await.expect(200);
    let dollar = json!({"currency": "USD"});
    ada.patch(&server, &path, 3, dollar).await.expect_problem(409, "invalid-transition");
    ada.act(&server, &path, "end").await.expect(200);
    let goal = json!({"goal_minor": 7});
    ada.patch(&server, &path, 4, goal).await.expect_problem(409, "invalid-transition");
    ada.patch(&server, &path, 4, json!({"description": "We did it."})).await.expect(200);
}
