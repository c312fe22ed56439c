//! A dead letter is the cause of a drift, and no excuse for it.

use super::reconcile::{by_hand, reconcile, world};

/// Turns the newest event of a payment into a dead letter of the consumer, unless it is parked.
const LETTER: &str = "
    INSERT INTO bus.parked_event (id, consumer, partition, aggregate_id, seq, event_id,
           aggregate_version, type, payload, created_at, state, attempts, next_attempt_at,
           first_error, last_error)
    SELECT '018f0000-0000-7000-8000-000000000000', '{consumer}', partition, aggregate_id, seq,
           event_id, aggregate_version, type, payload, created_at, '{state}', 1, now() + interval '1 day',
           'why first', 'why last'
      FROM bus.event_log WHERE type = 'payment.changed.v1' ORDER BY seq DESC LIMIT 1;";

#[tokio::test]
async fn what_a_dead_letter_keeps_from_being_counted_is_drift_and_the_letter_is_named() {
    for (consumer, lost, check) in [
        ("totals", "DELETE FROM totals.contribution", "contribution_payment"),
        ("pledge", "DELETE FROM pledge.payment_states", "pledge_payment"),
    ] {
        let world = world().await;
        let letter = |state| LETTER.replace("{consumer}", consumer).replace("{state}", state);
        let which = "payment_id = (SELECT aggregate_id FROM bus.parked_event)";
        let lost = format!("{lost} WHERE {which};");

        // what will be tried again explains what it has not done yet
        by_hand(&world, &format!("{} {lost}", letter("parked"))).await;
        let (_, said) = reconcile(&world, &[]).await;
        assert!(!said.contains(check), "{said}");

        by_hand(&world, "UPDATE bus.parked_event SET state = 'dead', next_attempt_at = NULL").await;
        let (clean, said) = reconcile(&world, &[]).await;
        let named =
            format!("dead letter 018f0000-0000-7000-8000-000000000000 of consumer {consumer}");
        assert!(!clean && said.contains(check) && said.contains(&named), "{said}");
        let (clean, said) = reconcile(&world, &["--repair"]).await;
        assert!(clean && said.contains("the books agree"), "{said}");
        assert_eq!(world.campaign.totals(&world.client).await["captured_minor"], 20_000);
    }
}
