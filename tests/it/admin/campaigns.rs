//! Suspended campaigns.

use super::World;
use crate::support::donation::{new_key, promise};

#[tokio::test]
async fn a_suspended_campaign_takes_no_gifts_until_it_is_let_go_on() {
    let world = World::new().await;
    let (id, client) = (&world.campaign.id, &world.client);
    let gift = world.campaign.gift(1000);
    // its terms are remembered now
    promise(client, &new_key(), &gift).await.expect(201);
    let suspended = world.act(&format!("/admin/campaigns/{id}/suspend")).await.expect(200);
    assert!(suspended.body["suspended_at"].is_string());
    promise(client, &new_key(), &gift).await.expect_problem(409, "campaign-not-accepting");
    // its owner cannot help it
    world.campaign.act(client, "pause").await;
    world.campaign.act(client, "resume").await;
    promise(client, &new_key(), &gift).await.expect_problem(409, "campaign-not-accepting");
    let act = world.last_act().await;
    assert_eq!(
        (act["action"].as_str(), act["target_id"].as_str()),
        (Some("campaign.suspend"), Some(id.as_str()))
    );
    assert!(act["before"]["suspended_at"].is_null() && act["after"]["suspended_at"].is_string());

    // again: nothing changes, and since when it is suspended stays
    let again = world.act(&format!("/admin/campaigns/{id}/suspend")).await.expect(200);
    assert_eq!(again.body["suspended_at"], suspended.body["suspended_at"]);

    world.act(&format!("/admin/campaigns/{id}/unsuspend")).await.expect(200);
    promise(client, &new_key(), &gift).await.expect(201);
    let acts = world.get(&format!("/admin/audit-log?campaign_id={id}")).await.expect(200).body;
    assert_eq!(acts["data"].as_array().unwrap().len(), 3);
    let nothing = "01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f";
    let absent = world.act(&format!("/admin/campaigns/{nothing}/suspend")).await;
    absent.expect_problem(404, "campaign-not-found");
}
