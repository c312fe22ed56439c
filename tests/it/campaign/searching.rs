use serde_json::json;

use super::{Person, Server, listing::titles};

#[tokio::test(flavor = "multi_thread")]
async fn words_are_found_in_title_and_description_in_any_of_their_forms() {
    let server = Server::start().await;
    let ada = Person::new(&server).await;
    for (title, description) in [
        ("Wells for Turkana", "Clean water for twelve villages."),
        ("A school roof", "The old one let the water in."),
        ("Brunnen für Köln", "Sauberes Wasser."),
    ] {
        ada.published(&server, json!({"title": title, "description": description})).await;
    }
    ada.drafted(&server, json!({"title": "Secret wells"})).await;
    let (wells, roof, cologne) = ("Wells for Turkana", "A school roof", "Brunnen für Köln");
    for (q, expected) in [
        ("well", vec![wells]),
        ("VILLAGE", vec![wells]),
        ("water", vec![roof, wells]),
        ("water+-school", vec![wells]),
        ("school+or+Brunnen", vec![cologne, roof]),
        ("%22clean+water%22", vec![wells]),
        ("%22water+clean%22", vec![]),
        ("k%C3%B6ln", vec![cologne]),
        ("water+school+turkana", vec![]),
        ("%27%3B--%26%7C%21%28", vec![]),
        ("+", vec![]),
    ] {
        assert_eq!(titles(None, &server, &format!("q={q}")).await, expected, "{q}");
    }
    assert_eq!(titles(Some(&ada), &server, "q=wells").await, ["Secret wells", wells]);
    assert_eq!(titles(None, &server, "q=water&limit=1").await, [roof]);
    assert_eq!(titles(None, &server, "q=water&status=ended").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_soon_comes_first_and_what_is_over_not_at_all() {
    let server = Server::start().await;
    let ada = Person::new(&server).await;
    for (title, ends_at) in [
        ("open", json!(null)),
        ("late", json!("2041-01-01T00:00:00Z")),
        ("soon", json!("2040-01-01T00:00:00Z")),
        ("open too", json!(null)),
        ("over", json!("2040-06-01T00:00:00Z")),
    ] {
        ada.published(&server, json!({"title": title, "ends_at": ends_at})).await;
    }
    let stopped = json!({"title": "stopped", "ends_at": "2040-01-02T00:00:00Z"});
    let stopped = ada.published(&server, stopped).await;
    ada.act(&server, &stopped, "end").await.expect(200);
    // the clock has moved past its end; nobody has written that down yet, or has already
    let past = "UPDATE campaign.campaigns SET ends_at = now() WHERE title = 'over'";
    server.database().client().await.batch_execute(past).await.unwrap();
    let (mut seen, mut query) = (Vec::new(), "sort=ending_soon&limit=1".to_owned());
    loop {
        let path = format!("/api/v1/campaigns?{query}");
        let page = server.client().get(&path).send().await.expect(200).body;
        seen.push(page["data"][0]["title"].as_str().unwrap().to_owned());
        let Some(next) = page["next_cursor"].as_str() else { break };
        query = format!("sort=ending_soon&limit=1&cursor={next}");
        let other = format!("/api/v1/campaigns?limit=1&cursor={next}");
        server.client().get(&other).send().await.expect_problem(400, "invalid-cursor");
    }
    assert_eq!(seen, ["soon", "late", "open", "open too"]);
    let ended = titles(None, &server, "sort=ending_soon&status=ended").await;
    assert_eq!(ended, ["over", "stopped"]);
}
