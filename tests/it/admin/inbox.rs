//! What could not be applied is listed with its reason, and judged again when asked for.

use careforall::kernel::clock;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::World;
use crate::support::{
    donation::{Event, PATIENCE, WEBHOOK_SECRET, webhook},
    eventually,
};

/// Sends the event as it is, signed, under another name in the header: refused, and quarantined.
/// Returns the path of its replay.
async fn misnamed(world: &World, event: &Event) -> String {
    let (now, body) = (clock::now().timestamp(), event.0.to_string());
    let sent = webhook(&world.client, WEBHOOK_SECRET, "evt_other", now, &body).send().await;
    sent.expect_problem(400, "webhook-malformed");
    let page = world.get("/admin/webhook-events?status=quarantined").await.expect(200).body;
    let row = &page["data"][0];
    assert_eq!((&row["event_type"], &row["payment_id"]), (&json!("malformed"), &Value::Null));
    format!("/admin/webhook-events/{}/replay", row["id"])
}

#[tokio::test]
async fn what_the_door_could_not_read_is_applied_when_it_is_replayed() {
    let world = World::new().await;
    let pledge = world.campaign.pledge(&world.client, 10_000).await;
    let payment = pledge.pay(&world.client, "pm_silent").await;
    let captured = payment.event("payment.captured");
    let replay = misnamed(&world, &captured).await;

    world.act(&replay).await.expect(200);

    world.books.becomes(&captured, "applied").await;
    assert_eq!(payment.read(&world.client).await["captured_minor"], 10_000);
    let applied = world.get("/admin/webhook-events?status=applied").await.expect(200).body;
    let row = &applied["data"][0];
    assert_eq!(
        (&row["event_id"], &row["event_type"], &row["payment_id"]),
        (&captured.0["id"], &json!("payment.captured"), &json!(payment.id))
    );
    // it stands for its event now: neither that nor another body under its name is a second one
    for late in [captured.clone(), captured.amount(15_000)] {
        assert_eq!(late.send(&world.client).await.expect(200).body["status"], "duplicate");
    }
    assert_eq!(world.books.count("payment.ledger").await, 1);
    world.books.balance().await;
}

#[tokio::test]
async fn a_replayed_copy_of_an_event_that_was_applied_changes_nothing() {
    let world = World::new().await;
    let pledge = world.campaign.pledge(&world.client, 10_000).await;
    let payment = pledge.pay(&world.client, "pm_silent").await;
    let captured = payment.event("payment.captured");
    captured.accepted(&world.client).await;
    world.books.becomes(&captured, "applied").await;
    world.books.balance().await;
    let (before, history) =
        (payment.read(&world.client).await, world.books.count("payment.history").await);

    // a copy of it, and another body under its name
    for copy in [captured.clone(), captured.clone().amount(15_000)] {
        let replay = misnamed(&world, &copy).await;
        world.act(&replay).await.expect(200);
        eventually(PATIENCE, || async {
            let copies = "payment.webhook_inbox WHERE event_type = 'malformed'";
            world.books.count(&format!("{copies} AND status <> 'ignored'")).await == 0
        })
        .await;
    }

    let ignored = world.get("/admin/webhook-events?status=ignored").await.expect(200).body;
    let reasons: Vec<_> =
        ignored["data"].as_array().unwrap().iter().map(|r| &r["reason"]).collect();
    assert_eq!(reasons, ["duplicate", "duplicate"]);
    assert_eq!(payment.read(&world.client).await, before);
    assert_eq!(world.books.count("payment.history").await, history);
    assert_eq!(world.books.count("payment.ledger").await, 1);
    world.books.balance().await;
}

#[tokio::test]
async fn what_is_replayed_too_early_is_woken_with_its_payment() {
    let world = World::new().await;
    let pledge = world.campaign.pledge(&world.client, 10_000).await;
    let payment = pledge.pay(&world.client, "pm_silent").await;
    // by the bank's name alone, which is not known here yet
    world.books.execute("UPDATE payment.payments SET provider_payment_id = NULL").await;
    let captured = payment.event("payment.captured").data(json!({ "metadata": null }));
    let replay = misnamed(&world, &captured).await;
    world.act(&replay).await.expect(200);
    world.books.comes_to(&captured, "deferred", Some("payment_unknown")).await;
    let hours = "UPDATE payment.webhook_inbox SET next_attempt_at = now() + interval '1 hour'
                 WHERE status = 'deferred'";
    assert_eq!(world.books.execute(hours).await, 1);

    payment.event("payment.authorized").accepted(&world.client).await;

    world.books.becomes(&captured, "applied").await;
    assert_eq!(payment.read(&world.client).await["captured_minor"], 10_000);
    world.books.balance().await;
}

#[tokio::test]
async fn a_quarantined_webhook_is_listed_with_its_reason_and_judged_again() {
    let world = World::new().await;
    let pledge = world.campaign.pledge(&world.client, 10_000).await;
    let payment = pledge.begin_payment(&world.client).await;
    let euros = payment.event("payment.captured").data(json!({ "currency": "EUR" }));
    euros.accepted(&world.client).await;
    world.books.becomes(&euros, "quarantined").await;

    let page = world.get("/admin/webhook-events?status=quarantined").await.expect(200).body;
    let row = &page["data"][0];
    assert_eq!((&row["reason"], &row["event_id"]), (&json!("currency_mismatch"), &euros.0["id"]));
    assert_eq!(page["data"].as_array().unwrap().len(), 1);

    // what was wrong is mended, as nobody should: the payment is in euros after all
    world.books.execute("UPDATE payment.payments SET currency = 'EUR'").await;
    let path = format!("/admin/webhook-events/{}/replay", row["id"]);
    assert_is_due(&world.act(&path).await.expect(200).body);
    world.books.becomes(&euros, "applied").await;
    assert_eq!(payment.read(&world.client).await["captured_minor"], 10_000);
    let act = world.last_act().await;
    assert_eq!(act["action"], "webhook.replay");
    assert_eq!(
        act["before"],
        json!({ "status": "quarantined", "reason": "currency_mismatch",
                                      "attempts": 1 })
    );
    world.act(&path).await.expect_problem(409, "invalid-transition");
    world.act("/admin/webhook-events/4711/replay").await.expect_problem(404, "not-found");
}

#[tokio::test]
async fn deferred_and_dead_webhooks_are_judged_at_once() {
    let world = World::new().await;
    let payment = world.gift().await;
    let unknown = payment.event("refund.succeeded").data(json!({
        "payment_id": "sbx_nobody", "refund_id": "re_1",
        "metadata": { "payment_id": world.campaign.id }
    }));
    unknown.accepted(&world.client).await;
    world.books.becomes(&unknown, "deferred").await;
    world
        .books
        .execute(
            "UPDATE payment.webhook_inbox SET status = 'dead', attempts = 78,
                         next_attempt_at = NULL WHERE status = 'deferred'",
        )
        .await;
    let page = world.get("/admin/webhook-events?status=dead").await.expect(200).body;
    assert_eq!(page["data"][0]["reason"], "payment_unknown");
    let path = format!("/admin/webhook-events/{}/replay", page["data"][0]["id"]);
    assert_is_due(&world.act(&path).await.expect(200).body);
    // it has its three days before it once more
    let again = "payment.webhook_inbox WHERE status = 'deferred' AND reason = 'payment_unknown'
                 AND attempts BETWEEN 1 AND 70";
    eventually(PATIENCE, || async { world.books.count(again).await == 1 }).await;
}

/// The worker takes what is due whatever its id; of what is pending it looks at new ones first.
fn assert_is_due(webhook: &Value) {
    assert_eq!((&webhook["status"], &webhook["attempts"]), (&json!("deferred"), &json!(0)));
    assert_eq!(webhook["reason"], "replayed");
    let at: DateTime<Utc> = webhook["next_attempt_at"].as_str().unwrap().parse().unwrap();
    assert!(at <= clock::now(), "{webhook}");
}

#[tokio::test]
async fn dead_letters_are_listed_by_when_they_were_parked() {
    let world = World::new().await;
    world
        .books
        .execute(
            "INSERT INTO bus.parked_event (id, consumer, partition, aggregate_id, seq, event_id,
                    aggregate_version, type, payload, created_at, state, parked_at)
             SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
                     || '7000800000000000000' || n)::uuid, 'planted', 0, gen_random_uuid(), n,
                    gen_random_uuid(), 1, 'planted.v1', '{}', at - interval '1 day', 'dead', at
               FROM (SELECT n, timestamptz '2026-11-20 12:00Z' + n * interval '1 hour' AS at
                       FROM generate_series(1, 5) n) planted",
        )
        .await;
    let hours = async |query: &str| -> Vec<i64> {
        let page = world.get(&format!("/admin/dead-letters?{query}")).await.expect(200).body;
        page["data"].as_array().unwrap().iter().map(|row| row["seq"].as_i64().unwrap()).collect()
    };
    assert_eq!(hours("").await, [5, 4, 3, 2, 1]);
    let (from, to) = ("from=2026-11-20T14:00:00Z", "to=2026-11-20T16:00:00Z");
    assert_eq!(hours(from).await, [5, 4, 3, 2]);
    assert_eq!(hours(to).await, [3, 2, 1]);
    assert_eq!(hours(&format!("{from}&{to}")).await, [3, 2]);
    let first = world.get(&format!("/admin/dead-letters?{from}&{to}&limit=1")).await.expect(200);
    let next = format!("{from}&{to}&limit=1&cursor={}", first.text("next_cursor"));
    assert_eq!(hours(&next).await, [2]);
    let refused = world.get("/admin/dead-letters?from=yesterday").await;
    refused.expect_problem(400, "validation-failed");
}

#[tokio::test]
async fn a_dead_letter_is_listed_with_its_error_and_replayed() {
    let world = World::new().await;
    world.gift().await;
    world.books.balance().await;
    world.books.execute(
        "INSERT INTO bus.parked_event (id, consumer, partition, aggregate_id, seq, event_id,
                aggregate_version, type, payload, created_at, state, attempts, first_error, last_error)
         SELECT gen_random_uuid(), 'totals', partition, aggregate_id, seq, event_id,
                aggregate_version, type, payload, created_at, 'dead', 8, 'why first', 'why last'
           FROM bus.event_log WHERE type = 'payment.changed.v1' ORDER BY seq DESC LIMIT 1").await;
    let page = world.get("/admin/dead-letters").await.expect(200).body;
    let letter = &page["data"][0];
    assert_eq!(
        (&letter["consumer"], &letter["last_error"]),
        (&json!("totals"), &json!("why last"))
    );
    let dashboard = world.get("/admin/dashboard").await.expect(200).body;
    assert_eq!(dashboard["dead_letters"], 1);

    let path = format!("/admin/dead-letters/{}/replay", letter["id"].as_str().unwrap());
    let replayed = world.act(&path).await.expect(200).body;
    assert_eq!((&replayed["letters"], &replayed["consumer"]), (&json!(1), &json!("totals")));
    eventually(PATIENCE, || async { world.books.count("bus.parked_event").await == 0 }).await;
    world.act(&path).await.expect_problem(404, "not-found");
    assert_eq!(world.last_act().await["action"], "dead_letter.replay");
    world.books.balance().await;
}
