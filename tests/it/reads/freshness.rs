//! Who reads where.

use super::{HOUR, World};
use crate::support::donation::{Campaign, sign_up};

#[tokio::test(flavor = "multi_thread")]
async fn visitors_read_at_the_standby_and_owners_what_they_have_written() {
    let world = World::start(HOUR).await;
    let client = world.server.client();
    let campaign = world.campaign().await;
    world.pause_replay().await;
    world.rename(&campaign, "New wells").await;

    assert_eq!(world.visit(&campaign).await["title"], "Wells", "the standby's answer");
    let list = client.get("/api/v1/campaigns").send().await.expect(200);
    assert_eq!(list.body["data"][0]["title"], "Wells");
    for reader in [campaign.owner.clone(), sign_up(&client).await] {
        let now = client.get(&campaign.path()).bearer(&reader).send().await.expect(200);
        assert_eq!(now.body["title"], "New wells", "who has credentials reads what is");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_standby_does_not_know_yet_is_asked_of_the_primary() {
    let world = World::start(HOUR).await;
    let client = world.server.client();
    world.campaign().await;
    world.pause_replay().await;
    let new = Campaign::open(&client).await;
    assert_eq!(world.visit(&new).await["id"], new.id);
    let donations = format!("{}/donations", new.path());
    client.get(&donations).send().await.expect(200);
    let nobody = client.get("/api/v1/campaigns/01890000-0000-7000-8000-000000000000");
    nobody.send().await.expect_problem(404, "campaign-not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_never_read_at_the_standby() {
    let world = World::start(HOUR).await;
    let client = world.server.client();
    let campaign = world.campaign().await;
    world.pause_replay().await;
    let before = world.answered_by("replica").await;
    // a pledge, its payment and the totals all go on as if there were no standby
    let pledge = campaign.pledge(&client, 2_500).await;
    pledge.pay(&client, "pm_success").await;
    pledge.becomes(&client, "completed").await;
    campaign.totals_become(&client, serde_json::json!({ "captured_minor": 2_500 })).await;
    assert_eq!(world.answered_by("replica").await, before);
}
