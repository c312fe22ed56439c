//! Finding what we made, and what no webhook told us.

use careforall::{kernel::clock, modules::payment::api::Provider};
use chrono::TimeDelta;
use serde_json::json;

use super::{
    fake::{FakeStripe, World},
    world::{key_of, order, paid, provider},
};

/// Another application's intents on the same account.
fn strangers(world: &mut World, count: usize) {
    for _ in 0..count {
        let id = world.id("pi");
        world.intents.push(json!({
            "id": id, "object": "payment_intent", "amount": 100, "currency": "usd",
            "created": clock::now().timestamp(), "livemode": false, "status": "succeeded",
            "metadata": { "payment_id": "4711" },
        }));
    }
}

/// So many events, as many seconds apart, the last a minute ago.
fn history(world: &mut World, count: i64) -> Vec<String> {
    let newest = clock::now().timestamp() - 60;
    let mut ids = Vec::new();
    for age in (0..count).rev() {
        let event =
            world.tell("payment_intent.canceled", json!({ "id": "pi_1", "currency": "usd" }));
        world.events.last_mut().unwrap()["created"] = json!(newest - age);
        ids.push(event["id"].as_str().unwrap().to_owned());
    }
    ids
}

#[tokio::test]
async fn a_payment_is_found_by_our_id_among_many_as_soon_as_it_is_made() {
    let fake = FakeStripe::start();
    let provider = provider(&fake);
    strangers(&mut fake.world(), 70);
    let order = order(None);
    assert!(provider.find(order.payment_id, None).await.unwrap().is_empty());
    let id = paid(&provider, &order).await;
    strangers(&mut fake.world(), 250);
    let found = provider.find(order.payment_id, None).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].provider_payment_id, id);
    // under another key, there would be two, and both are told
    provider.create(&order, &format!("{}_2", key_of(&order))).await.unwrap();
    assert_eq!(provider.find(order.payment_id, None).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_was_made_after_our_last_call_is_not_read() {
    let fake = FakeStripe::start();
    let provider = provider(&fake);
    let order = order(None);
    let id = paid(&provider, &order).await;
    // Stripe's clock is ahead of ours, and hours of a busy account follow
    fake.world().intents[0]["created"] = json!((clock::now() + TimeDelta::minutes(4)).timestamp());
    strangers(&mut fake.world(), 1000);
    for stranger in &mut fake.world().intents[1..] {
        stranger["created"] = json!((clock::now() + TimeDelta::hours(1)).timestamp());
    }

    let found = provider.find(order.payment_id, Some(clock::now())).await.unwrap();

    assert_eq!(found.len(), 1);
    assert_eq!(found[0].provider_payment_id, id);
    assert_eq!(fake.asked("GET payment_intents").len(), 1);
}

#[tokio::test]
async fn our_payments_are_listed_page_by_page() {
    let fake = FakeStripe::start();
    let provider = provider(&fake);
    let first = paid(&provider, &order(None)).await;
    strangers(&mut fake.world(), 150);
    let last = paid(&provider, &order(Some("pm_card_visa"))).await;
    let (from, to) = (clock::now() - TimeDelta::hours(1), clock::now() + TimeDelta::hours(1));
    let (mut listed, mut cursor, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = provider.payments(from, to, cursor.as_deref()).await.unwrap();
        listed.extend(page.payments.into_iter().map(|payment| payment.provider_payment_id));
        (cursor, pages) = (page.cursor, pages + 1);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((listed, pages), (vec![last, first], 2));
    let before = provider.payments(from, from + TimeDelta::minutes(1), None).await.unwrap();
    assert_eq!((before.payments.len(), before.cursor), (0, None));
}

#[tokio::test]
async fn events_come_oldest_first_and_none_is_skipped_or_told_again() {
    let fake = FakeStripe::start();
    let provider = provider(&fake);
    let ids = history(&mut fake.world(), 330);
    let now = clock::now();
    for (skipped, since) in [(0, TimeDelta::days(29)), (130, TimeDelta::seconds(60 + 199))] {
        let (mut heard, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = provider.events(now - since, cursor.as_deref()).await.unwrap();
            heard.extend(page.events.into_iter().map(|event| event.event_id));
            cursor = page.cursor;
            if !page.has_more {
                break;
            }
        }
        let first = ids.iter().position(|id| *id == heard[0]).unwrap();
        // a second more or less, as the clock ticks on while the test runs
        assert!(first.abs_diff(skipped) <= 2, "{first}");
        assert_eq!(heard, ids[first..]);
        let again = provider.events(now - since, cursor.as_deref()).await.unwrap();
        assert_eq!((again.events.len(), again.cursor, again.has_more), (0, cursor, false));
    }
}

#[tokio::test]
async fn what_is_new_is_left_for_the_next_time_and_a_cursor_outlives_its_event() {
    let fake = FakeStripe::start();
    let provider = provider(&fake);
    let ids = history(&mut fake.world(), 5);
    fake.world().tell("payment_intent.canceled", json!({ "id": "pi_1", "currency": "usd" }));
    fake.world().tell("customer.created", json!({ "id": "cus_1" }));
    let since = clock::now() - TimeDelta::hours(1);
    let page = provider.events(since, None).await.unwrap();
    let heard: Vec<_> = page.events.iter().map(|event| event.event_id.clone()).collect();
    assert_eq!(heard, ids);
    let parsed = provider.parse(None, &page.events[0].body).unwrap();
    assert_eq!(parsed.event_id, ids[0]);
    // Stripe forgets after 30 days
    let cursor = page.cursor.unwrap();
    fake.world().events.retain(|event| event["id"] != ids[4].as_str());
    history(&mut fake.world(), 1);
    let next = provider.events(since, Some(&cursor)).await.unwrap();
    assert!(!next.events.is_empty() && next.cursor.is_some());
    assert!(provider.events(since, Some("nonsense")).await.is_err());
}
