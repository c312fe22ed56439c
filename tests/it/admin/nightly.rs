//! The comparison of everything, which takes its time.

use super::reconcile::{by_hand, campaigns, world};
use crate::support::{donation::PATIENCE, eventually, postgres};

#[tokio::test]
async fn what_changed_is_compared_while_everything_still_is() {
    let world = world().await;
    // more than a walk at its gentle pace is through with in a few seconds
    by_hand(&world, &campaigns(20_000)).await;
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
