//! What is settled does not stay in the inbox for ever.

use super::World;
use crate::support::{donation, wait::eventually};

const OLD: &str = "UPDATE payment.webhook_inbox SET received_at = now() - interval '31 days'";

#[tokio::test]
async fn settled_webhooks_are_forgotten_after_30_days_and_their_money_is_not() {
    let world = World::new().await;
    let (old, young) = (world.payment().await, world.payment().await);
    let captured = old.event("payment.captured");
    let quarantined = old.event("payment.captured").data(serde_json::json!({ "currency": "EUR" }));
    world.send(&[&captured, &quarantined]).await;
    world.books.execute(OLD).await;
    let recent = young.event("payment.captured");
    world.send(&[&recent]).await;

    // a replica that starts looks at once
    let replica = world.replica().await;
    eventually(donation::PATIENCE, async || world.books.letter(&captured).await.is_none()).await;
    assert!(world.books.letter(&recent).await.is_some(), "this one is young");
    let letter = world.books.letter(&quarantined).await.expect("this one waits for a person");
    assert_eq!(letter.status, "quarantined");

    // the same again, after so long, where nobody remembers it: new to the inbox, old to the books
    captured.accepted(&replica.client()).await;
    world.books.judged(&captured).await;
    world.books.execute("DELETE FROM payment.webhook_inbox WHERE status = 'quarantined'").await;
    world.ends_with(20_000, 0, 0).await;
}
