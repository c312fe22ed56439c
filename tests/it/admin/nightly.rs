//! The comparison of everything, which takes its time.

use super::reconcile::{by_hand, world};
use crate::support::{donation::PATIENCE, eventually, postgres};

/// More than a walk at its gentle pace is through with in a few seconds.
const MANY: &str = "
    INSERT INTO campaign.campaigns (id, owner_id, title, description, goal_minor, currency, status,
           allow_overfunding, published_at, created_at, updated_at, version)
    SELECT gen_random_uuid(), gen_random_uuid(), 'Wells', '', 100, 'USD', 'active', true, now(),
           now(), now(), 1 FROM generate_series(1, 20000);
    INSERT INTO totals.campaign_totals (campaign_id, currency, goal_minor, campaign_version,
           published, updated_at)
    SELECT id, 'USD', 100, 1, true, now() FROM campaign.campaigns WHERE goal_minor = 100";

#[tokio::test]
async fn what_changed_is_compared_while_everything_still_is() {
    let world = world().await;
    by_hand(&world, MANY).await;
    by_hand(&world, "UPDATE admin.reconciliation SET next_at = now(), finished_at = NULL").await;
    let client = postgres::connect(&world.server.database().url()).await.unwrap();
    eventually(PATIENCE, || async {
        let finished = "SELECT kind FROM admin.reconciliation WHERE finished_at IS NOT NULL";
        let kinds = client.query(finished, &[]).await.unwrap();
        let kinds: Vec<String> = kinds.iter().map(|row| row.get(0)).collect();
        assert!(!kinds.contains(&"all".into()), "it did not wait for the other: {kinds:?}");
        if kinds == ["changes"] { Ok(()) } else { Err("what changed is not compared yet") }
    })
    .await;
}
