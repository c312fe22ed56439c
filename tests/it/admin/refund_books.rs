//! Drift by hand in our refunds, from which it is reckoned what may still be given back.

use serde_json::json;

use super::{
    World,
    reconcile::{by_hand, reconcile, world},
};
use crate::support::{
    donation::{PATIENCE, Payment, plan_fault},
    eventually,
};

/// Refunded in part, once by us and once at the bank's counter.
async fn refunded(world: &World) -> Payment {
    let payment = world.gift().await;
    payment.refund(&world.client, &world.admin, 200).send().await.expect(202);
    payment.at_counter(&world.client, "refunds", json!({ "amount_minor": 300 })).await;
    eventually(PATIENCE, || async { payment.read(&world.client).await["refunded_minor"] == 500 })
        .await;
    world.books.balance().await;
    payment
}

#[tokio::test]
async fn a_refund_that_is_not_what_was_asked_for_or_said_is_named_and_stays() {
    let world = world().await;
    refunded(&world).await;
    let (clean, said) = reconcile(&world, &[]).await;
    assert!(clean, "a refund made at the bank has no row of ours: {said}");
    by_hand(&world, "CREATE TABLE kept AS SELECT * FROM payment.refunds").await;
    for sql in [
        "UPDATE payment.refunds SET status = 'failed'",
        "UPDATE payment.refunds SET status = 'pending'",
        "UPDATE payment.refunds SET status = 'requested', next_attempt_at = now() + interval '1 day'",
        "UPDATE payment.refunds SET amount_minor = 201",
        "UPDATE payment.refunds SET amount_minor = 201, request = request || '{\"amount_minor\": 201}'",
        "UPDATE payment.refunds SET currency = 'EUR'",
        "UPDATE payment.refunds SET provider_refund_id = 'another'",
        "UPDATE payment.refunds SET provider_refund_id = NULL",
        "UPDATE payment.refunds SET provider_refund_id = NULL, status = 'failed'",
        "DELETE FROM payment.refunds",
        "INSERT INTO payment.refunds SELECT gen_random_uuid(), payment_id, provider, NULL,
             amount_minor, currency, 'failed', reason, requested_by, request, 1, 1, called_at,
             next_attempt_at, last_error, created_at, updated_at, NULL FROM payment.refunds",
    ] {
        by_hand(&world, sql).await;
        let (clean, said) = reconcile(&world, &["--repair"]).await;
        assert!(!clean && said.contains("refund_facts"), "{sql}: {said}");
        by_hand(
            &world,
            "DELETE FROM payment.refunds; INSERT INTO payment.refunds SELECT * FROM kept",
        )
        .await;
        let (clean, said) = reconcile(&world, &[]).await;
        assert!(clean, "{sql}: {said}");
    }
}

#[tokio::test]
async fn refunds_under_way_and_refused_are_no_drift_unless_changed_by_hand() {
    let world = world().await;
    let payment = world.gift().await;
    plan_fault(&world.client, "refund", "fail", 1000, 0).await;
    let unanswered = payment.refund(&world.client, &world.admin, 200).send().await;
    unanswered.expect_problem(503, "provider-unavailable");
    by_hand(&world, "UPDATE payment.refunds SET next_attempt_at = now() + interval '1 day'").await;
    let (clean, said) = reconcile(&world, &[]).await;
    assert!(clean, "{said}");
    for status in ["succeeded", "pending", "failed"] {
        by_hand(&world, &format!("UPDATE payment.refunds SET status = '{status}'")).await;
        let (clean, said) = reconcile(&world, &[]).await;
        assert!(!clean && said.contains("refund_facts"), "{status}: {said}");
    }
    // what the provider refuses is failed without a word of it, and has its line in the history
    by_hand(
        &world,
        "INSERT INTO payment.history (payment_id, version, from_status, to_status, event, source,
                decision, captured_minor, refunded_minor, disputed_minor, occurred_at, recorded_at)
         SELECT payment_id, version, from_status, to_status, 'refund.refused', source, decision,
                captured_minor, refunded_minor, disputed_minor, occurred_at, recorded_at
           FROM payment.history WHERE event = 'refund.requested'",
    )
    .await;
    let (clean, said) = reconcile(&world, &[]).await;
    assert!(clean, "{said}");
}
