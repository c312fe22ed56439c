//! `sort=most_funded`: by what is kept of the goal, as the totals tell.

use serde_json::{Value, json};

use super::listing::titles;
use crate::support::{
    Client, Server,
    donation::{self, Campaign, PATIENCE, sign_up_admin},
    eventually,
};

const ANNOUNCED: &str =
    include_str!("../../../migrations/2026-11-21-000801_totals_announced/up.sql");

const LIST: &str = "sort=most_funded";

async fn opened(client: &Client, title: &str, goal_minor: i64) -> Campaign {
    Campaign::open_with(client, json!({ "title": title, "goal_minor": goal_minor })).await
}

async fn gives(campaign: &Campaign, client: &Client, amount_minor: i64) -> donation::Payment {
    campaign.pledge(client, amount_minor).await.pay(client, "pm_success").await
}

async fn order_becomes(server: &Server, expected: &[&str]) {
    eventually(PATIENCE, async || titles(None, server, LIST).await == expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_part_of_its_goal_comes_first_whatever_the_amount() {
    let server = donation::builder().start().await;
    let client = server.client();
    let large = opened(&client, "large", 1_000_000).await;
    let small = opened(&client, "small", 1_000).await;
    opened(&client, "nothing", 1_000).await;
    assert_eq!(
        titles(None, &server, LIST).await,
        ["nothing", "small", "large"],
        "all alike: newest"
    );

    gives(&large, &client, 5_000).await;
    order_becomes(&server, &["large", "nothing", "small"]).await;
    let payment = gives(&small, &client, 500).await;
    order_becomes(&server, &["small", "large", "nothing"]).await;
    payment.becomes(&client, "captured").await;

    // what goes back does not count, nor does a higher goal
    let admin = sign_up_admin(&client, &server.database().url()).await;
    payment.refund(&client, &admin, 499).send().await.expect(202);
    order_becomes(&server, &["large", "small", "nothing"]).await;
    large.revise(&client, json!({ "goal_minor": 100_000_000 })).await;
    order_becomes(&server, &["small", "large", "nothing"]).await;

    large.act(&client, "end").await;
    assert_eq!(titles(None, &server, "sort=most_funded&status=active").await, ["small", "nothing"]);
    assert_eq!(titles(None, &server, "sort=most_funded&status=ended").await, ["large"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_by_funding_meet_each_campaign_once() {
    let server = donation::builder().start().await;
    let client = server.client();
    for title in ["a", "b", "c", "d", "e"] {
        opened(&client, title, 1_000).await;
    }
    Campaign::draft(&client, json!({ "title": "draft" })).await;
    // two are funded alike: the id decides
    let funded = "UPDATE campaign.funding f SET funded_ppm = n.ppm, totals_version = 2
                    FROM campaign.campaigns c
                    JOIN (VALUES ('a', 5), ('b', 9), ('c', 5)) n (title, ppm) USING (title)
                   WHERE f.campaign_id = c.id;
                  UPDATE campaign.campaigns SET ends_at = now() WHERE title = 'b'";
    server.database().client().await.batch_execute(funded).await.unwrap();
    for (filter, expected) in
        [("", vec!["b", "c", "a", "e", "d"]), ("&status=active", vec!["c", "a", "e", "d"])]
    {
        let (mut seen, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let next = cursor.as_str().map(|c| format!("&cursor={c}")).unwrap_or_default();
            let path = format!("/api/v1/campaigns?{LIST}{filter}&limit=2{next}");
            let page = client.get(&path).send().await.expect(200).body;
            let rows = page["data"].as_array().unwrap();
            seen.extend(rows.iter().map(|row| row["title"].as_str().unwrap().to_owned()));
            cursor = page["next_cursor"].clone();
            let Some(next) = cursor.as_str() else { break };
            let other = format!("/api/v1/campaigns?limit=2&cursor={next}");
            client.get(&other).send().await.expect_problem(400, "invalid-cursor");
        }
        assert_eq!(seen, expected, "{filter}");
    }
    assert_eq!(titles(None, &server, "sort=most_funded&status=ended").await, ["b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_raised_before_totals_announced_it_is_announced_by_the_migration() {
    let server = donation::builder().start().await;
    let client = server.client();
    let (first, second) =
        (opened(&client, "first", 1_000).await, opened(&client, "second", 1_000).await);
    gives(&first, &client, 500).await;
    gives(&second, &client, 400).await;
    order_becomes(&server, &["first", "second"]).await;
    let database = server.database().client().await;
    let untold = "UPDATE campaign.funding SET funded_ppm = 0, totals_version = 0";
    database.batch_execute(untold).await.unwrap();
    assert_eq!(titles(None, &server, LIST).await, ["second", "first"]);
    database.batch_execute(ANNOUNCED).await.unwrap();
    order_becomes(&server, &["first", "second"]).await;
    // and where each event belongs, or the order of a campaign's events were lost
    let strays = "SELECT count(*) FROM (SELECT aggregate_id FROM bus.event_log
                   WHERE type IN ('totals.changed.v1', 'campaign.changed.v1')
                   GROUP BY aggregate_id HAVING count(DISTINCT partition) > 1) strays";
    let strays: i64 = database.query_one(strays, &[]).await.unwrap().get(0);
    assert_eq!(strays, 0);
}
