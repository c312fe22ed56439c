use serde_json::json;

use super::{Person, Server, guilty};

pub async fn titles(person: Option<&Person>, server: &Server, query: &str) -> Vec<String> {
    let path = format!("/api/v1/campaigns?{query}");
    let request = match person {
        None => server.client().get(&path),
        Some(person) => person.get(server, &path),
    };
    let page = request.send().await.expect(200);
    let rows = page.body["data"].as_array().unwrap();
    rows.iter().map(|row| row["title"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_are_listed_for_their_owner_and_administrators_only() {
    let server = Server::start().await;
    let (ada, bob) = (Person::new(&server).await, Person::new(&server).await);
    let admin = Person::admin(&server).await;
    ada.published(&server, json!({"title": "public"})).await;
    ada.drafted(&server, json!({"title": "ada's"})).await;
    bob.drafted(&server, json!({"title": "bob's"})).await;
    assert_eq!(titles(None, &server, "").await, ["public"]);
    assert_eq!(titles(Some(&ada), &server, "").await, ["ada's", "public"]);
    assert_eq!(titles(Some(&bob), &server, "status=draft").await, ["bob's"]);
    assert_eq!(titles(Some(&admin), &server, "").await, ["bob's", "ada's", "public"]);
    assert!(titles(None, &server, "status=draft").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_tell_the_status_of_this_moment() {
    let server = Server::start().await;
    let ada = Person::new(&server).await;
    let path = ada.published(&server, json!({"title": "ended"})).await;
    ada.act(&server, &path, "end").await.expect(200);
    let over = ada.published(&server, json!({"title": "over"})).await;
    ada.published(&server, json!({"title": "on", "category": "water"})).await;
    let id = over.rsplit('/').next().unwrap();
    // the clock has moved past its end; nobody has written that down yet, or has already
    let past = format!("UPDATE campaign.campaigns SET ends_at = now() WHERE id = '{id}'");
    server.database().client().await.batch_execute(&past).await.unwrap();
    assert_eq!(titles(None, &server, "status=ended").await, ["over", "ended"]);
    assert_eq!(titles(None, &server, "status=ended&limit=1").await, ["over"]);
    assert_eq!(titles(None, &server, "status=active&sort=newest").await, ["on"]);
    assert_eq!(titles(None, &server, "category=water").await, ["on"]);
    assert!(titles(None, &server, "category=Water").await.is_empty());
    let read = server.client().get(&over).send().await.expect(200);
    assert_eq!(read.text("status"), "ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_stable_while_campaigns_are_added() {
    let server = Server::start().await;
    let ada = Person::new(&server).await;
    for n in 0..5 {
        ada.published(&server, json!({"title": n.to_string()})).await;
    }
    // all at one instant: the id decides
    let tie = "UPDATE campaign.campaigns SET created_at = '2026-01-01T00:00:00Z'";
    server.database().client().await.batch_execute(tie).await.unwrap();
    let (mut seen, mut path) = (Vec::new(), "/api/v1/campaigns?limit=2".to_owned());
    loop {
        let page = server.client().get(&path).send().await.expect(200);
        let rows = page.body["data"].as_array().unwrap();
        seen.extend(rows.iter().map(|row| row["title"].as_str().unwrap().to_owned()));
        assert!(rows.iter().all(|row| row["totals"]["campaign_id"] == row["id"]));
        ada.published(&server, json!({"title": "new"})).await;
        let Some(next) = page.body["next_cursor"].as_str() else { break };
        path = format!("/api/v1/campaigns?limit=2&cursor={next}");
    }
    assert_eq!(seen, ["4", "3", "2", "1", "0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_list_cannot_do_is_refused_by_name() {
    let server = Server::start().await;
    for (query, field) in [
        ("status=open", "status"),
        ("sort=oldest", "sort"),
        ("q=", "q"),
        ("words=wells", "words"),
        ("category=", "category"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
    ] {
        let answer = server.client().get(&format!("/api/v1/campaigns?{query}")).send().await;
        let problem = answer.expect_problem(400, "validation-failed");
        assert_eq!(guilty(&problem), [field], "{query}");
    }
    let answer = server.client().get("/api/v1/campaigns?cursor=abc").send().await;
    answer.expect_problem(400, "invalid-cursor");
}
