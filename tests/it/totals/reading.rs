//! Totals over HTTP.

use std::time::Duration;

use careforall::kernel::ids::CampaignId;
use serde_json::json;

use crate::{
    campaign::{Person, Server, guilty},
    support::eventually,
};

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_tells_where_it_comes_from_and_its_version() {
    let server = Server::start().await;
    let path = Person::new(&server).await.published(&server, json!({})).await;
    let totals = format!("{path}/totals");
    let get = |query: &str| server.client().get(&format!("{totals}{query}"));
    let first = get("").send().await.expect(200);
    assert_eq!(first.text("source"), "read_model");
    assert_eq!(first.header("etag"), Some("\"1\""));
    assert_eq!(first.header("cache-control"), Some("public, max-age=1"));
    assert_eq!(first.header("content-type"), Some("application/json"));
    eventually(Duration::from_secs(10), || async {
        get("").send().await.expect(200).text("source") == "process_cache"
    })
    .await;
    let fresh = get("?realtime=true").send().await.expect(200);
    assert_eq!(fresh.text("source"), "read_model");
    assert!(fresh.text("as_of") > first.text("as_of"));
    assert_eq!(fresh.header("cache-control"), Some("no-store"));
    let names: Vec<_> = first.body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names.join(" "),
        "as_of campaign_id captured_minor currency disputed_minor \
        donation_count donor_count goal_minor net_minor percent_funded pledged_minor \
        refunded_minor source version"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_version_is_not_sent_again() {
    let server = Server::start().await;
    let path = Person::new(&server).await.published(&server, json!({})).await;
    for query in ["", "?realtime=true", "?realtime=false"] {
        let get = || server.client().get(&format!("{path}/totals{query}"));
        let same = get().header("if-none-match", "\"0\", W/\"1\"").send().await.expect(304);
        assert_eq!((same.header("etag"), same.body.is_null()), (Some("\"1\""), true));
        get().header("if-none-match", "\"2\"").send().await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_campaigns_drafts_and_parameters_are_refused() {
    let server = Server::start().await;
    let ada = Person::new(&server).await;
    let path = ada.drafted(&server, json!({})).await;
    let get = |path: &str, query: &str| server.client().get(&format!("{path}/totals{query}"));
    let unknown = format!("/api/v1/campaigns/{}", CampaignId::generate());
    for query in ["", "", "?realtime=true"] {
        get(&unknown, query).send().await.expect_problem(404, "campaign-not-found");
        get(&path, query).send().await.expect_problem(404, "campaign-not-found");
    }
    ada.act(&server, &path, "publish").await.expect(200);
    get(&path, "").send().await.expect(200);
    for (query, field) in [("?realtime=1", "realtime"), ("?realtime=", "realtime"), ("?x=1", "x")] {
        let problem = get(&path, query).send().await.expect_problem(400, "validation-failed");
        assert_eq!(guilty(&problem), [field]);
    }
    get("/api/v1/campaigns/1", "").send().await.expect_problem(400, "validation-failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn caches_catch_up_with_the_read_model() {
    let server = Server::start().await;
    let path = Person::new(&server).await.published(&server, json!({})).await;
    let totals = format!("{path}/totals");
    server.client().get(&totals).send().await.expect(200);
    let id = path.rsplit('/').next().unwrap();
    let capture = "UPDATE totals.campaign_totals SET captured_minor = 500, refunded_minor = 100, \
                   donation_count = 1, donor_count = 1, version = version + 1 WHERE campaign_id::text = $1";
    server.database().client().await.execute(capture, &[&id]).await.unwrap();
    let fresh = server.client().get(&format!("{totals}?realtime=true")).send().await;
    assert_eq!(
        (&fresh.body["net_minor"], &fresh.body["percent_funded"]),
        (&json!(400), &json!(0.4))
    );
    eventually(Duration::from_secs(10), || async {
        let answer = server.client().get(&totals).send().await;
        answer.body["version"] == 2 && answer.body["net_minor"] == 400
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_goal_reaches_the_totals_by_event() {
    let server = Server::start().await;
    let ada = Person::new(&server).await;
    let path = ada.published(&server, json!({})).await;
    ada.patch(&server, &path, 2, json!({"goal_minor": 5})).await.expect(200);
    eventually(Duration::from_secs(10), || async {
        let totals = server.client().get(&format!("{path}/totals?realtime=true")).send().await;
        totals.body["goal_minor"] == 5
    })
    .await;
}
