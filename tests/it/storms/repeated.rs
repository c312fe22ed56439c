//! The same thing said again: by the same event, by a changed one, by another.

use futures_util::future::join_all;
use serde_json::json;

use super::World;
use crate::support::{Server, donation::Event};

/// The number of webhooks that this replica counted as `outcome`.
async fn counted(server: &Server, outcome: &str) -> u64 {
    let metrics = crate::support::Client::new(server.metrics_base());
    let text = metrics.get("/metrics").send().await.expect(200).body;
    let text = text.as_str().unwrap();
    let mut lines = text.lines().filter(|line| line.starts_with("webhooks_total{"));
    let label = format!("outcome=\"{outcome}\"");
    let line = lines.rfind(|line| line.contains(&label));
    line.map_or(0, |line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
}

async fn answers(event: &Event, servers: [&Server; 2], times: usize) -> Vec<String> {
    let clients = servers.map(Server::client);
    let sent = (0..times).map(|n| event.send(&clients[n % 2]));
    let answers = join_all(sent).await;
    answers.into_iter().map(|answer| answer.expect(200).text("status")).collect()
}

#[tokio::test]
async fn one_event_a_thousand_times_at_two_replicas_is_one_capture() {
    let world = World::new().await;
    let other = world.replica().await;
    let payment = world.payment().await;
    let event = payment.event("payment.captured");

    let answers = answers(&event, [&world.server, &other], 1000).await;

    let accepted = answers.iter().filter(|status| *status == "accepted").count();
    let duplicates = answers.iter().filter(|status| *status == "duplicate").count();
    assert_eq!((accepted, duplicates), (1, 999));
    payment.becomes(&world.client, "captured").await;
    world.ends_with(10_000, 0, 0).await;
    assert_eq!(world.books.count("payment.ledger").await, 1);
    assert_eq!(world.books.count("payment.webhook_inbox").await, 1);
    assert_eq!(world.campaign.totals(&other.client()).await["donation_count"], 1);
}

#[tokio::test]
async fn of_two_bodies_under_one_event_id_the_first_wins_and_the_conflict_is_counted() {
    let world = World::new().await;
    let other = world.replica().await;
    let payment = world.payment().await;
    let first = payment.event("payment.captured");
    let altered = first.clone().amount(999_999);

    world.send(&[&first]).await;
    // the replica that remembers the first one, and one that has to look it up
    for server in [&world.server, &other] {
        let answer = altered.send(&server.client()).await.expect(200);
        assert_eq!(answer.body, json!({ "status": "duplicate" }));
        assert_eq!(counted(server, "conflict").await, 1);
    }

    world.ends_with(10_000, 0, 0).await;
    assert_eq!(world.books.count("payment.webhook_inbox").await, 1);
}

#[tokio::test]
async fn two_bodies_under_one_event_id_at_once_leave_one_of_them() {
    let world = World::new().await;
    let other = world.replica().await;
    let payment = world.payment().await;
    let one = payment.event("payment.captured");
    let altered = one.clone().amount(10_001);

    let (servers, clients) = ([&world.server, &other], [world.client.clone(), other.client()]);
    let sent = (0..100).map(|n| [&one, &altered][n % 2].send(&clients[(n / 2) % 2]));
    let answers: Vec<_> = join_all(sent).await.into_iter().map(|a| a.expect(200)).collect();

    assert_eq!(answers.iter().filter(|answer| answer.body["status"] == "accepted").count(), 1);
    let conflicts = [counted(servers[0], "conflict").await, counted(servers[1], "conflict").await];
    assert_eq!(conflicts.iter().sum::<u64>(), 50);
    payment.becomes(&world.client, "captured").await;
    world.books.balance().await;
    assert_eq!(world.books.count("payment.ledger").await, 1);
}

#[tokio::test]
async fn one_capture_told_by_many_events_is_one_capture() {
    let world = World::new().await;
    let other = world.replica().await;
    let payment = world.payment().await;
    let events: Vec<Event> = (0..100).map(|_| payment.event("payment.captured")).collect();

    let clients = [world.client.clone(), other.client()];
    join_all(events.iter().enumerate().map(|(n, event)| event.accepted(&clients[n % 2]))).await;

    for event in &events {
        world.books.judged(event).await;
    }
    world.ends_with(10_000, 0, 0).await;
    let applied = world.books.count("payment.webhook_inbox WHERE status = 'applied'").await;
    let ignored = "payment.webhook_inbox WHERE status = 'ignored' AND reason = 'duplicate'";
    assert_eq!((applied, world.books.count(ignored).await), (1, 99));
    assert_eq!(world.books.count("payment.ledger").await, 1);
}
