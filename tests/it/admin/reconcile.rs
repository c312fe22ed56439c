//! Drift by hand in each table is found and named, and mended where it can be.

use std::process::Output;

use tokio::process::Command;

use super::World;
use crate::support::{CAREFORALL, donation::PATIENCE, eventually, postgres};

/// `careforall reconcile`, and what it said.
pub async fn reconcile(world: &World, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(CAREFORALL);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CAREFORALL_")) {
        command.env_remove(name);
    }
    command.arg("reconcile").args(arguments).env("DATABASE_URL", world.server.database().url());
    let Output { status, stdout, stderr } = command.output().await.unwrap();
    let said = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (status.success(), said)
}

/// Gifts, and books that agree.
pub async fn world() -> World {
    let world = World::new().await;
    world.gift().await;
    world.gift().await;
    world.books.balance().await;
    let (clean, said) = reconcile(&world, &[]).await;
    assert!(clean && said.contains("the books agree"), "{said}");
    world
}

/// Runs as nobody but a superuser can: append-only tables let it pass.
pub async fn by_hand(world: &World, sql: &str) {
    let client = postgres::connect(&world.server.database().url()).await.unwrap();
    client.batch_execute("SET session_replication_role = replica").await.unwrap();
    client.batch_execute(sql).await.unwrap();
}

/// Statements that make so many campaigns with their totals.
pub fn campaigns(count: u32) -> String {
    format!(
        "INSERT INTO campaign.campaigns (id, owner_id, title, description, goal_minor, currency,
                status, allow_overfunding, published_at, created_at, updated_at, version)
         SELECT gen_random_uuid(), gen_random_uuid(), 'Wells', '', 100, 'USD', 'active', true,
                now(), now(), now(), 1 FROM generate_series(1, {count});
         INSERT INTO totals.campaign_totals (campaign_id, currency, goal_minor, campaign_version,
                published, updated_at)
         SELECT id, 'USD', 100, 1, true, now() FROM campaign.campaigns WHERE goal_minor = 100"
    )
}

#[tokio::test]
async fn drift_in_what_follows_from_payments_and_pledges_is_named_and_mended() {
    let world = world().await;
    for (sql, check) in [
        ("UPDATE totals.campaign_totals SET captured_minor = captured_minor + 1", "totals_contribution"),
        ("UPDATE totals.campaign_totals SET pledged_minor = 0", "totals_pledged"),
        ("UPDATE totals.campaign_totals SET donation_count = 7", "totals_gifts"),
        ("UPDATE totals.campaign_totals SET donor_count = 7", "totals_donors"),
        ("UPDATE totals.campaign_totals SET goal_minor = 7", "totals_terms"),
        ("DELETE FROM totals.campaign_totals", "totals_terms"),
        ("UPDATE totals.contribution SET captured_minor = captured_minor + 1", "contribution_payment"),
        ("UPDATE totals.contribution SET campaign_id = gen_random_uuid()", "contribution_payment"),
        ("DELETE FROM totals.contribution", "contribution_payment"),
        ("INSERT INTO totals.contribution SELECT gen_random_uuid(), campaign_id, gen_random_uuid(),
             1, 5, 0, 0 FROM totals.campaign_totals", "contribution_payment"),
        ("UPDATE totals.pledge_contribution SET counted_minor = 0", "contribution_pledge"),
        ("DELETE FROM totals.pledge_contribution", "contribution_pledge"),
        ("DELETE FROM totals.gift", "totals_gifts"),
        ("DELETE FROM totals.donor", "totals_donors"),
        ("UPDATE pledge.payment_states SET captured_minor = captured_minor + 1", "pledge_payment"),
        ("DELETE FROM pledge.payment_states", "pledge_payment"),
        ("UPDATE pledge.pledges SET status = 'pending'", "pledge_status"),
        ("UPDATE pledge.pledges SET status = 'failed'", "pledge_status"),
        ("UPDATE pledge.pledges SET refunded_minor = 7", "pledge_status"),
        ("UPDATE totals.campaign_totals SET published = false", "totals_terms"),
        ("UPDATE totals.campaign_totals SET currency = 'EUR'", "totals_terms"),
        ("UPDATE totals.contribution SET pledge_id = gen_random_uuid()", "contribution_payment"),
        ("UPDATE totals.gift SET pledge_id = gen_random_uuid()", "totals_gifts"),
        ("UPDATE campaign.funding SET funded_ppm = 7, totals_version = 1000", "campaign_funding"),
        ("DELETE FROM campaign.funding", "campaign_funding"),
    ] {
        by_hand(&world, sql).await;
        let (clean, said) = reconcile(&world, &[]).await;
        assert!(!clean && said.contains(check), "{sql}: {said}");
        let (clean, said) = reconcile(&world, &["--repair"]).await;
        assert!(clean && said.contains("the books agree"), "{sql}: {said}");
        world.books.balance().await;
    }
    assert_eq!(world.campaign.totals(&world.client).await["captured_minor"], 20_000);
    let acts = "bus.audit_log WHERE actor_id IS NULL AND action IN
                ('totals.rebuild', 'pledges.reconcile', 'campaigns.reconcile')";
    assert!(world.books.count(acts).await >= 18);
}

#[tokio::test]
async fn drift_that_only_a_person_can_mend_is_named_and_stays() {
    let world = world().await;
    for (sql, check, undo) in [
        (
            "UPDATE payment.payments SET captured_minor = captured_minor + 1",
            "ledger_payment",
            "UPDATE payment.payments SET captured_minor = captured_minor - 1",
        ),
        (
            "INSERT INTO payment.ledger SELECT id, 1, 'captured', 5, 'USD', now() FROM payment.payments",
            "ledger_payment",
            "DELETE FROM payment.ledger WHERE version = 1",
        ),
        (
            "UPDATE payment.ledger SET currency = 'EUR'",
            "ledger_sum",
            "UPDATE payment.ledger SET currency = 'USD'",
        ),
        (
            "UPDATE payment.facts SET amount_minor = amount_minor - 1",
            "facts_payment",
            "UPDATE payment.facts SET amount_minor = amount_minor + 1",
        ),
        (
            "UPDATE payment.history SET captured_minor = captured_minor + 1",
            "history_payment",
            "UPDATE payment.history SET captured_minor = captured_minor - 1",
        ),
        (
            "UPDATE payment.payments SET amount_minor = amount_minor + 1",
            "payment_terms",
            "UPDATE payment.payments SET amount_minor = amount_minor - 1",
        ),
        (
            "UPDATE payment.payments SET amount_minor = 1, amount_mismatch = true",
            "payment_terms",
            "UPDATE payment.payments SET amount_minor = 10000, amount_mismatch = false",
        ),
        (
            "UPDATE payment.payments SET amount_mismatch = true",
            "payment_terms",
            "UPDATE payment.payments SET amount_mismatch = false",
        ),
        (
            "UPDATE payment.payments SET donor_hash = reverse(donor_hash)",
            "payment_terms",
            "UPDATE payment.payments SET donor_hash = reverse(donor_hash)",
        ),
        (
            "UPDATE pledge.pledges SET currency = 'EUR'",
            "pledge_terms",
            "UPDATE pledge.pledges SET currency = 'USD'",
        ),
        (
            "UPDATE pledge.pledges p SET payment_id = o.payment_id FROM pledge.pledges o
              WHERE o.id <> p.id",
            "pledge_terms",
            "UPDATE pledge.pledges p SET payment_id = s.payment_id FROM pledge.payment_states s
              WHERE s.pledge_id = p.id",
        ),
        (
            "UPDATE pledge.pledges SET payment_id = NULL",
            "pledge_terms",
            "UPDATE pledge.pledges p SET payment_id = s.payment_id FROM pledge.payment_states s
              WHERE s.pledge_id = p.id",
        ),
        (
            "UPDATE payment.webhook_inbox SET status = 'quarantined' WHERE status = 'applied'",
            "webhook_inbox",
            "UPDATE payment.webhook_inbox SET status = 'applied' WHERE status = 'quarantined'",
        ),
        (
            "INSERT INTO bus.consumer_cursor VALUES ('ghost', 0, 999999)",
            "event_bus",
            "DELETE FROM bus.consumer_cursor WHERE consumer = 'ghost'",
        ),
    ] {
        by_hand(&world, sql).await;
        let (clean, said) = reconcile(&world, &["--repair"]).await;
        assert!(!clean && said.contains(check), "{sql}: {said}");
        // nothing is counted from a payment that its own books contradict
        let totals = world.campaign.totals(&world.client).await;
        assert_eq!(totals["captured_minor"], 20_000, "{sql}");
        by_hand(&world, undo).await;
        let (clean, said) = reconcile(&world, &["--repair"]).await;
        assert!(clean, "{undo}: {said}");
    }
}

#[tokio::test]
async fn an_event_that_is_not_consumed_yet_explains_a_difference() {
    let world = world().await;
    let mut stalled = postgres::connect(&world.server.database().url()).await.unwrap();
    let stall = stalled.transaction().await.unwrap();
    let cursors = "SELECT 1 FROM bus.consumer_cursor WHERE consumer IN ('totals') FOR UPDATE";
    stall.execute(cursors, &[]).await.unwrap();
    world.gift().await;
    let (clean, said) = reconcile(&world, &[]).await;
    let named = format!("campaign {} could not be judged", world.campaign.id);
    assert!(clean && said.contains(&named) && said.contains("as far as they could be"), "{said}");
    assert_eq!(world.campaign.totals(&world.client).await["captured_minor"], 20_000);
    stall.rollback().await.unwrap();
    world.books.balance().await;
}

#[tokio::test]
async fn a_repair_that_was_just_made_hides_no_drift() {
    let world = world().await;
    for _ in 0..3 {
        by_hand(&world, "UPDATE totals.campaign_totals SET donor_count = 7").await;
        reconcile(&world, &["--repair"]).await;
        // the repair has just announced the campaign, to be heard of by consumers
        by_hand(&world, "UPDATE totals.campaign_totals SET currency = 'EUR'").await;
        eventually(PATIENCE, || async {
            let (clean, said) = reconcile(&world, &[]).await;
            // on a slow machine the event may still be on its way: then that is said
            assert!(!clean || said.contains("could not be judged"), "{said}");
            if !clean && said.contains("totals_terms") { Ok(()) } else { Err(said) }
        })
        .await;
    }
}

#[tokio::test]
async fn the_background_finds_drift_and_shows_it_until_it_is_mended() {
    let world = world().await;
    // a change of the campaign brings it into the next look at what has changed
    by_hand(&world, "UPDATE totals.campaign_totals SET captured_minor = captured_minor + 1").await;
    let due = "UPDATE admin.reconciliation SET next_at = now() WHERE kind = 'changes'";
    world.books.execute(due).await;
    let gauge = "reconciliation_drift{check=\"totals_contribution\"}";
    let shows = async |value: &str| {
        let metrics = crate::support::Client::new(world.server.metrics_base());
        eventually(PATIENCE, || async {
            let text = metrics.get("/metrics").send().await.expect(200).body;
            let line = format!("{gauge} {value}");
            text.as_str().unwrap().lines().any(|found| found == line)
        })
        .await;
    };
    shows("1").await;
    // what was wrong is looked at again, although nothing has changed since
    world.books.execute(due).await;
    shows("1").await;
    let refreshed = world.act("/totals/refresh").await.expect(200).body;
    assert_eq!(refreshed["drifted"][0]["check"], "totals_contribution");
    assert_eq!(refreshed["drifted"][0]["campaign_id"], world.campaign.id.as_str());
    assert_eq!((&refreshed["repaired"], &refreshed["campaigns_checked"]), (&1.into(), &1.into()));
    world.books.execute(due).await;
    shows("0").await;
    let again = world.post("/totals/refresh", serde_json::json!({})).await.expect(200).body;
    assert_eq!((&again["repaired"], &again["drifted"]), (&0.into(), &serde_json::json!([])));
    assert_eq!(world.last_act().await["action"], "totals.refresh");
}

#[tokio::test]
async fn a_request_mends_so_many_campaigns_and_tells_where_the_next_goes_on() {
    let world = world().await;
    let campaigns = campaigns(260);
    let wrong = "UPDATE campaign.funding SET funded_ppm = funded_ppm + 7";
    by_hand(&world, &format!("SET session_replication_role = origin; {campaigns}; {wrong}")).await;
    let (mut body, mut repaired) = (serde_json::json!({}), Vec::new());
    loop {
        let found = world.post("/totals/refresh", body).await.expect(200).body;
        assert_eq!(found["remaining"], serde_json::json!([]));
        repaired.push(found["repaired"].as_u64().unwrap());
        if found["next_cursor"].is_null() {
            break;
        }
        body = serde_json::json!({ "cursor": found["next_cursor"] });
    }
    assert_eq!(repaired, [100, 100, 61]);
    let (clean, said) = reconcile(&world, &[]).await;
    assert!(clean, "{said}");
    let wrong = serde_json::json!({ "cursor": "abc" });
    world.post("/totals/refresh", wrong).await.expect_problem(400, "invalid-cursor");
}
