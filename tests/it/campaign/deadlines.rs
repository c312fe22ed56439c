use std::time::Duration;

use careforall::kernel::clock;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::{Person, Server};
use crate::support::{
    donation::{Campaign, PATIENCE, new_key, promise},
    eventually,
};

#[tokio::test(flavor = "multi_thread")]
async fn gifts_are_taken_until_the_very_instant_of_the_end() {
    let server = Server::start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let gift = campaign.gift(100);
    promise(&client, &new_key(), &gift).await.expect(201);
    // only now: a slow machine has no deadline to miss before
    let ends_at = clock::now() + Duration::from_secs(3);
    campaign.revise(&client, json!({"ends_at": ends_at})).await;
    eventually(PATIENCE, || async {
        let asked = clock::now();
        let answer = promise(&client, &new_key(), &gift).await;
        if answer.status == 201 {
            let made: DateTime<Utc> = answer.text("created_at").parse().unwrap();
            assert!(made < ends_at && asked < ends_at, "taken at {made}, asked at {asked}");
            return false;
        }
        answer.expect_problem(409, "campaign-not-accepting");
        assert!(clock::now() >= ends_at, "refused too early");
        true
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passed_end_is_written_down_and_announced_once() {
    let server = Server::start().await;
    let ada = Person::new(&server).await;
    let path = ada.published(&server, json!({})).await;
    let id = path.rsplit('/').next().unwrap();
    let database = server.database().client().await;
    let past = "UPDATE campaign.campaigns SET ends_at = now() WHERE id::text = $1";
    database.execute(past, &[&id]).await.unwrap();
    ada.act(&server, &path, "pause").await.expect_problem(409, "invalid-transition");
    let later = json!({"ends_at": "2040-01-01T00:00:00Z"});
    let refused = ada.patch(&server, &path, 2, later.clone()).await;
    assert!([409, 412].contains(&refused.status), "{}", refused.body);
    let written = "SELECT version FROM campaign.campaigns WHERE id::text = $1 AND status = 'ended'";
    let version: i64 = eventually(Duration::from_secs(30), || async {
        database.query_opt(written, &[&id]).await.unwrap().map(|row| row.get(0))
    })
    .await;
    assert_eq!(version, 3);
    ada.patch(&server, &path, 3, later).await.expect_problem(409, "invalid-transition");
    let events = super::events::of(&server, id).await;
    let last = events.last().unwrap();
    assert_eq!((last.1["status"].as_str(), last.1["version"].as_i64()), (Some("ended"), Some(3)));
    assert_eq!(events.len(), 3, "{events:?}");
}
