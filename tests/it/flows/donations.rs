//! What a campaign shows of the gifts to it.

use serde_json::{Value, json};

use crate::support::{
    Client,
    donation::{
        Campaign, PATIENCE, Pledge, builder, changed, new_key, promise, sign_up, sign_up_admin,
    },
    eventually,
};

async fn shown(client: &Client, campaign: &Campaign, query: &str) -> Value {
    let path = format!("{}/donations?{query}", campaign.path());
    client.get(&path).send().await.expect(200).body
}

/// A guest's gift, paid for.
async fn give(client: &Client, campaign: &Campaign, more: Value) -> Pledge {
    let gift = changed(campaign.gift(1000), more);
    let answer = promise(client, &new_key(), &gift).await.expect(201);
    let pledge = Pledge { id: answer.text("id"), token: answer.text("guest_token") };
    pledge.pay(client, "pm_success").await;
    pledge.becomes(client, "completed").await;
    pledge
}

#[tokio::test(flavor = "multi_thread")]
async fn captured_gifts_are_shown_and_nothing_of_who_wishes_not_to_be() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    assert_eq!(shown(&client, &campaign, "").await["data"], json!([]));
    campaign.pledge(&client, 700).await;
    campaign.pledge(&client, 800).await.pay(&client, "pm_authorize_only").await;
    give(&client, &campaign, json!({ "donor_name": "Ada", "message": "Go!" })).await;
    give(&client, &campaign, json!({ "donor_name": "Bob", "anonymous": true })).await;
    give(&client, &campaign, json!({ "donor_name": "carol@example.org" })).await;

    let mut page = shown(&client, &campaign, "").await;
    let rows = page["data"].as_array_mut().unwrap();
    for row in &mut *rows {
        let at = row.as_object_mut().unwrap().remove("captured_at").unwrap();
        assert!(at.as_str().unwrap().ends_with('Z'), "{at}");
    }
    let row = |name: Option<&str>, message: Option<&str>| {
        json!({ "display_name": name, "amount_minor": 1000, "refunded_minor": 0,
                "message": message })
    };
    assert_eq!(*rows, [row(None, None), row(None, None), row(Some("Ada"), Some("Go!"))]);
    assert!(!page.to_string().contains('@'), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refunded_gift_keeps_its_place_and_says_so() {
    let server = builder().start().await;
    let client = server.client();
    let admin = sign_up_admin(&client, &server.database().url()).await;
    let campaign = Campaign::open(&client).await;
    let gift = campaign.pledge(&client, 1000).await;
    let payment = gift.pay(&client, "pm_success").await;
    gift.becomes(&client, "completed").await;
    give(&client, &campaign, json!({})).await;
    let before = shown(&client, &campaign, "").await["data"].clone();
    payment.refund(&client, &admin, 400).send().await.expect(202);
    eventually(PATIENCE, async || {
        let now = shown(&client, &campaign, "").await["data"].clone();
        now[0] == before[0] && now[1]["refunded_minor"] == 400
    })
    .await;
    let after = shown(&client, &campaign, "").await["data"][1].clone();
    assert_eq!(changed(after, json!({ "refunded_minor": 0 })), before[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn gifts_captured_before_anybody_wrote_down_when_are_filled_in() {
    const FILL: &str =
        include_str!("../../../migrations/2026-11-21-000610_pledge_captured_before/up.sql");
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    campaign.pledge(&client, 700).await;
    give(&client, &campaign, json!({ "message": "before" })).await;
    let database = server.database().client().await;
    database.batch_execute("UPDATE pledge.pledges SET captured_at = NULL").await.unwrap();
    assert_eq!(shown(&client, &campaign, "").await["data"], json!([]));
    for _ in 0..2 {
        database.batch_execute(FILL).await.unwrap();
        let rows = shown(&client, &campaign, "").await["data"].clone();
        assert_eq!((&rows[0]["message"], &rows[1]), (&json!("before"), &json!(null)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_stable_while_gifts_come_in() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    for n in 0..5 {
        give(&client, &campaign, json!({ "message": n.to_string() })).await;
    }
    // all at one instant: the id decides
    let tie = "UPDATE pledge.pledges SET captured_at = '2026-01-01T00:00:00Z'";
    server.database().client().await.batch_execute(tie).await.unwrap();
    let (mut seen, mut query) = (Vec::new(), "limit=2".to_owned());
    loop {
        let page = shown(&client, &campaign, &query).await;
        let rows = page["data"].as_array().unwrap();
        seen.extend(rows.iter().map(|row| row["message"].as_str().unwrap().to_owned()));
        give(&client, &campaign, json!({ "message": "new" })).await;
        let Some(next) = page["next_cursor"].as_str() else { break };
        query = format!("limit=2&cursor={next}");
    }
    assert_eq!(seen, ["4", "3", "2", "1", "0"]);
    let bad = format!("{}/donations?cursor=abc", campaign.path());
    client.get(&bad).send().await.expect_problem(400, "invalid-cursor");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_donations_of_a_draft_exist_for_its_owner_and_administrators_only() {
    let server = builder().start().await;
    let client = server.client();
    let draft = Campaign::draft(&client, json!({})).await;
    let path = format!("{}/donations", draft.path());
    let admin = sign_up_admin(&client, &server.database().url()).await;
    let stranger = sign_up(&client).await;
    client.get(&path).send().await.expect_problem(404, "campaign-not-found");
    let refused = client.get(&path).bearer(&stranger).send().await;
    refused.expect_problem(404, "campaign-not-found");
    for known in [&draft.owner, &admin] {
        client.get(&path).bearer(known).send().await.expect(200);
    }
    // cancelled before anybody was let know of it
    draft.act(&client, "cancel").await;
    client.get(&path).send().await.expect_problem(404, "campaign-not-found");
    let absent = "/api/v1/campaigns/01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f/donations";
    client.get(absent).send().await.expect_problem(404, "campaign-not-found");
}
