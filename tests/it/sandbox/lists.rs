//! The bank's lists: nothing is passed over, whoever is about to say or make something.

use careforall::{
    kernel::clock,
    modules::payment::api::{Provider, ProviderError},
};
use chrono::TimeDelta;
use futures_util::future::join_all;

use super::world::{PATIENCE, World, request};
use crate::support::eventually;

const SAID: &str = "SELECT count(*) FROM sandbox.events";

/// All events from the start, and the cursor after them.
async fn walk(world: &World, mut cursor: Option<String>) -> (Vec<String>, Option<String>) {
    let (since, mut ids) = (clock::now() - TimeDelta::hours(1), Vec::new());
    loop {
        let page = world.provider.events(since, cursor.as_deref()).await.unwrap();
        ids.extend(page.events.into_iter().map(|event| event.event_id));
        cursor = page.cursor;
        if !page.has_more {
            return (ids, cursor);
        }
    }
}

#[tokio::test]
async fn events_are_listed_once_each_in_pages_also_those_never_sent() {
    let world = World::new().await;
    assert_eq!(walk(&world, None).await, (vec![], None));
    join_all((0..60).map(|_| world.pay("pm_silent"))).await;
    let (first, cursor) = walk(&world, None).await;
    assert_eq!(first.len(), 120);
    world.pay("pm_success").await;
    let (more, cursor) = walk(&world, cursor).await;
    assert_eq!(more.len(), 2);
    assert!(more.iter().all(|id| !first.contains(id)));
    assert_eq!(walk(&world, cursor.clone()).await, (vec![], cursor));
    let later = world.provider.events(clock::now() + TimeDelta::hours(1), None).await.unwrap();
    assert_eq!((later.events, later.cursor, later.has_more), (vec![], None, false));
    let bad = world.provider.events(clock::now(), Some("x")).await;
    assert!(matches!(bad, Err(ProviderError::Refused(_))));
}

#[tokio::test]
async fn an_event_with_a_lower_number_that_commits_later_is_not_passed_over() {
    let mut world = World::new().await;
    world.pay("pm_success").await;
    let slow = world.sql.transaction().await.unwrap();
    let copy = "INSERT INTO sandbox.events
                    (event_id, provider_payment_id, type, body, created_at, copies)
                SELECT 'evt_slow', provider_payment_id, type, body, created_at, 0
                FROM sandbox.events LIMIT 1";
    slow.execute(copy, &[]).await.unwrap();
    let (bank, since) = (world.provider.clone(), clock::now() - TimeDelta::hours(1));
    let listed = tokio::spawn(async move { bank.events(since, None).await });
    // it waits for the slow one
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'ShareLock'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    eventually(PATIENCE, || async {
        slow.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 1
    })
    .await;
    slow.commit().await.unwrap();
    let page = listed.await.unwrap().unwrap();
    assert!(page.events.iter().any(|event| event.event_id == "evt_slow"), "{page:?}");
    assert_eq!(world.count(SAID).await, 3);
}

#[tokio::test]
async fn payments_are_listed_by_the_time_of_their_making() {
    let world = World::new().await;
    let before = clock::now();
    let mut made = join_all((0..150).map(|_| async { world.make(&request(None)).await })).await;
    let after = clock::now() + TimeDelta::seconds(1);
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = world.provider.payments(before, after, cursor.as_deref()).await.unwrap();
        seen.extend(page.payments.into_iter().map(|payment| payment.provider_payment_id));
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    seen.sort();
    made.sort();
    assert_eq!(seen, made);
    for (from, to) in [(after, after + TimeDelta::hours(1)), (before - TimeDelta::hours(1), before)]
    {
        assert!(world.provider.payments(from, to, None).await.unwrap().payments.is_empty());
    }
    assert!(world.provider.payments(before, after, Some("x")).await.is_err());
}
