//! Who may tell us anything, and in what form.

use careforall::kernel::clock;
use serde_json::{Value, json};

use super::World;
use crate::support::{
    Response,
    client::Request,
    donation::{Event, WEBHOOK_SECRET, signature, webhook, webhook_with},
};

const STRANGER: &str = "whsec_c3RyYW5nZXItd2l0aC1hLXNlY3JldA==";

fn id(event: &Event) -> &str {
    event.0["id"].as_str().unwrap()
}

fn now() -> i64 {
    clock::now().timestamp()
}

/// Refused as not signed by the bank, and nowhere to be seen.
async fn unsigned(world: &World, request: Request) {
    request.send().await.expect_problem(401, "webhook-signature-invalid");
    assert_eq!(world.books.count("payment.webhook_inbox").await, 0);
}

#[tokio::test]
async fn what_the_bank_did_not_sign_is_refused_and_leaves_no_row() {
    let world = World::new().await;
    let client = &world.client;
    let event = world.payment().await.event("payment.captured");
    let (id, now, body) = (id(&event), now(), event.0.to_string());
    let signed = signature(WEBHOOK_SECRET, id, now, &body);

    unsigned(&world, webhook(client, STRANGER, id, now, &body)).await;
    let tampered = body.replace("10000", "10001");
    assert_ne!(tampered, body);
    unsigned(&world, webhook_with(client, id, now, &signed, &tampered)).await;
    let rewritten = serde_json::to_string_pretty(&event.0).unwrap();
    unsigned(&world, webhook_with(client, id, now, &signed, &rewritten)).await;
    unsigned(&world, webhook_with(client, "evt_other", now, &signed, &body)).await;
    unsigned(&world, webhook_with(client, id, now + 1, &signed, &body)).await;
    unsigned(&world, webhook_with(client, id, now, "", &body)).await;
    unsigned(&world, webhook_with(client, id, now, "v1,", &body)).await;

    world.ends_with(0, 0, 0).await;
}

#[tokio::test]
async fn without_one_of_the_three_headers_it_is_refused() {
    let world = World::new().await;
    let event = world.payment().await.event("payment.captured");
    let body = event.0.to_string();
    let headers = [
        ("webhook-id", id(&event).to_owned()),
        ("webhook-timestamp", now().to_string()),
        ("webhook-signature", signature(WEBHOOK_SECRET, id(&event), now(), &body)),
    ];
    for missing in 0..headers.len() {
        let request = world.client.post("/api/v1/webhooks/sandbox").raw(body.clone());
        let given = headers.iter().enumerate().filter(|(at, _)| *at != missing);
        let request =
            given.fold(request, |request, (_, (name, value))| request.header(name, value));
        unsigned(&world, request).await;
    }
}

#[tokio::test]
async fn a_time_more_than_300_seconds_off_is_refused_both_ways() {
    let world = World::new().await;
    let payment = world.payment().await;
    let sent = |event: &Event, off: i64| {
        webhook(&world.client, WEBHOOK_SECRET, id(event), now() + off, &event.0.to_string())
    };
    let event = payment.event("payment.authorized");
    // ours may pass before it is judged; the exact bounds are tested where the clock stands still
    for off in [-301, 360, -100_000, 100_000] {
        let code = "webhook-timestamp-out-of-tolerance";
        sent(&event, off).send().await.expect_problem(401, code);
        assert_eq!(world.books.count("payment.webhook_inbox").await, 0);
    }
    for off in [-240, 299] {
        let event = payment.event("payment.authorized");
        assert_eq!(
            sent(&event, off).send().await.expect(200).body,
            json!({ "status": "accepted" })
        );
        world.books.judged(&event).await;
    }
    assert_eq!(payment.read(&world.client).await["status"], "authorized");
}

#[tokio::test]
async fn one_valid_signature_among_several_is_enough() {
    let world = World::new().await;
    let event = world.payment().await.event("payment.captured");
    let (now, body) = (now(), event.0.to_string());
    let by = |secret| signature(secret, id(&event), now, &body);
    let several = format!("{} v1a,AAAA v2,zzz {}", by(STRANGER), by(WEBHOOK_SECRET));

    let answer = webhook_with(&world.client, id(&event), now, &several, &body).send().await;

    assert_eq!(answer.expect(200).body, json!({ "status": "accepted" }));
    world.books.becomes(&event, "applied").await;
    world.ends_with(10_000, 0, 0).await;
}

async fn malformed(world: &World, id: &str, body: &str) -> Response {
    let sent = webhook(&world.client, WEBHOOK_SECRET, id, now(), body).send().await;
    sent.expect_problem(400, "webhook-malformed")
}

#[tokio::test]
async fn what_is_signed_but_cannot_be_read_is_kept_as_it_came() {
    let world = World::new().await;
    let event = world.payment().await.event("payment.captured");
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let bodies = ["", "not json", "[]", "{}", "\u{fe}\u{0}", &deep, r#"{"id":"evt_1","type":7}"#];

    for body in bodies {
        malformed(&world, "evt_1", body).await;
        malformed(&world, "evt_1", body).await;
    }
    // the header names another event
    malformed(&world, "evt_other", &event.0.to_string()).await;
    // a known type whose data is wrong
    let fraction = event.clone().data(json!({ "amount_minor": 10.5 }));
    malformed(&world, id(&fraction), &fraction.0.to_string()).await;
    let nul = event.clone().id("evt_\u{0}");
    malformed(&world, "evt_", &nul.0.to_string()).await;

    let rows = "SELECT body, status FROM payment.webhook_inbox ORDER BY id";
    let rows = world.books.sql.query(rows, &[]).await.unwrap();
    assert_eq!(rows.len(), bodies.len() + 3);
    for (row, body) in rows.iter().zip(bodies) {
        assert_eq!((row.get::<_, &[u8]>(0), row.get(1)), (body.as_bytes(), "quarantined"));
    }
    // the event itself can still come
    event.accepted(&world.client).await;
    world.books.becomes(&event, "applied").await;
    world.ends_with(10_000, 0, 0).await;
}

#[tokio::test]
async fn too_large_is_413_and_an_unknown_provider_is_404() {
    let world = World::new().await;
    let event = world.payment().await.event("payment.captured");
    let padded = |length: usize| {
        let mut event = event.clone();
        event.0["padding"] = Value::from("");
        let short = event.0.to_string().len();
        event.0["padding"] = Value::from("x".repeat(length - short));
        event
    };

    let sent = padded(256 * 1024 + 1).send(&world.client).await;
    sent.expect_problem(413, "payload-too-large");
    let request = world.client.post("/api/v1/webhooks/nobody").raw(event.0.to_string());
    request.send().await.expect_problem(404, "not-found");
    assert_eq!(world.books.count("payment.webhook_inbox").await, 0);

    padded(256 * 1024).accepted(&world.client).await;
    world.books.becomes(&event, "applied").await;
    world.ends_with(10_000, 0, 0).await;
}

#[tokio::test]
async fn what_we_do_not_know_in_an_event_is_tolerated() {
    let world = World::new().await;
    let payment = world.payment().await;
    let mut event = payment.event("payment.captured");
    event = event.data(json!({ "fees": { "minor": 30 }, "metadata": { "payment_id": payment.id,
                                                                    "order": [1, 2] } }));
    event.0["livemode"] = json!(false);
    event.0["created_at"] = json!("the day before yesterday");

    event.accepted(&world.client).await;

    world.books.becomes(&event, "applied").await;
    world.ends_with(10_000, 0, 0).await;
}
