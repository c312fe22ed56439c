//! Drift by hand in the room under a goal, which decides who is refused.

use serde_json::json;

use super::reconcile::{by_hand, reconcile, world};
use crate::support::donation::{Campaign, new_key, promise};

#[tokio::test]
async fn the_room_under_a_goal_is_what_its_pledges_take() {
    let world = world().await;
    let terms = json!({ "goal_minor": 1000, "allow_overfunding": false });
    let campaign = Campaign::open_with(&world.client, terms).await;
    campaign.pledge(&world.client, 400).await;
    let paid = campaign.pledge(&world.client, 300).await;
    paid.pay(&world.client, "pm_success").await;
    paid.becomes(&world.client, "completed").await;
    world.books.balance().await;
    let (clean, said) = reconcile(&world, &[]).await;
    assert!(clean, "{said}");
    let failed = format!("UPDATE pledge.pledges SET status = 'failed' WHERE id = '{}'", paid.id);
    for (sql, check) in [
        ("UPDATE pledge.goal_room SET taken_minor = 0", "goal_room"),
        ("UPDATE pledge.goal_room SET taken_minor = 1000", "goal_room"),
        (&*failed, "pledge_status"),
    ] {
        by_hand(&world, sql).await;
        let (clean, said) = reconcile(&world, &[]).await;
        assert!(!clean && said.contains(check), "{sql}: {said}");
        let (clean, said) = reconcile(&world, &["--repair"]).await;
        assert!(clean, "{sql}: {said}");
        let gift = promise(&world.client, &new_key(), &campaign.gift(301)).await;
        gift.expect_problem(422, "goal-exceeded");
        let (clean, said) = reconcile(&world, &[]).await;
        assert!(clean, "{said}");
    }
    promise(&world.client, &new_key(), &campaign.gift(300)).await.expect(201);
    world.books.balance().await;
}
