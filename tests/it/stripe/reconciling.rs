//! What went back at Stripe, beside what we have heard of.

use careforall::{kernel::clock, modules::payment::api::Provider};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{
    fake::{FakeStripe, Fields},
    world::{Shop, builder, order, paid, provider, send},
};
use crate::support::{
    donation::{Campaign, PATIENCE, Payment},
    eventually,
    webhooks::Books,
};

const DAY: i64 = 86_400;

/// Of all that Stripe has, so many days ago.
fn made_earlier(objects: &mut [Value], days: i64) {
    for object in objects {
        object["created"] = json!(object["created"].as_i64().unwrap() - days * DAY);
    }
}

fn giving_back(intent: &str, minor: i64) -> Fields {
    Fields::read(&format!("payment_intent={intent}&amount={minor}"))
}

async fn returned(provider: &dyn Provider) -> (Vec<String>, usize) {
    let (from, to) = (clock::now() - TimeDelta::days(2), clock::now() - TimeDelta::hours(12));
    let (mut names, mut cursor, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = provider.returned(from, to, cursor.as_deref()).await.unwrap();
        names.extend(page.provider_payment_ids);
        (cursor, pages) = (page.cursor, pages + 1);
        if cursor.is_none() {
            names.sort_unstable();
            names.dedup();
            return (names, pages);
        }
    }
}

#[tokio::test]
async fn payments_are_named_of_which_something_went_back_or_changed_in_that_time() {
    let fake = FakeStripe::start();
    let provider = provider(&fake);
    let mut intents = Vec::new();
    for _ in 0..5 {
        intents.push(paid(&provider, &order(Some("pm_card_visa"))).await);
    }
    {
        let world = &mut *fake.world();
        // made long ago, and failed yesterday
        let (_, old) = world.refund(&giving_back(&intents[0], 100));
        made_earlier(&mut world.refunds, 60);
        // more than a page
        for _ in 0..130 {
            world.refund(&giving_back(&intents[1], 1));
        }
        made_earlier(&mut world.refunds[1..], 1);
        world.dispute(&intents[2], 200, "needs_response", "created");
        made_earlier(&mut world.disputes, 1);
        world.events.clear();
        world.fail_refund(old["id"].as_str().unwrap());
        made_earlier(&mut world.events, 1);
        // today's
        world.refund(&giving_back(&intents[3], 100));
    }
    let mut expected = intents[..3].to_vec();
    expected.sort_unstable();
    // refunds by two pages, disputes, events
    assert_eq!(returned(&provider).await, (expected, 4));
    let now = clock::now();
    assert!(provider.returned(now, now, Some("nonsense")).await.is_err());
}

/// A payment that is captured, here and there.
async fn captured(shop: &Shop, campaign: &Campaign) -> Payment {
    let pledge = campaign.pledge(&shop.client, 2500).await;
    let payment = pledge.pay(&shop.client, "pm_card_visa").await;
    shop.deliver_newest("payment_intent.succeeded").await;
    payment.becomes(&shop.client, "captured").await;
    payment
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_and_a_dispute_of_which_nobody_told_are_found() {
    let fake = FakeStripe::start();
    let server = builder(&fake)
        .env("CAREFORALL_SWEEPER__EVERY_SECONDS", "1")
        .env("CAREFORALL_SWEEPER__EVENTS_EVERY_SECONDS", "86400")
        .env("CAREFORALL_SWEEPER__SETTLE_SECONDS", "1")
        .start()
        .await;
    let books = Books::open(&server.database().url()).await;
    let shop = Shop { client: server.client(), fake, server, books };
    let campaign = Campaign::open(&shop.client).await;
    let heard = captured(&shop, &campaign).await;
    let unheard = captured(&shop, &campaign).await;
    let disputed = captured(&shop, &campaign).await;
    let [told, lost, open] = {
        let world = &mut *shop.fake.world();
        world.refund(&giving_back(&heard.provider_payment_id, 1000));
        let event = world.events.iter().find(|e| e["type"] == "refund.created").unwrap().clone();
        let (_, lost) = world.refund(&giving_back(&unheard.provider_payment_id, 700));
        let intent = &disputed.provider_payment_id;
        let open = world.dispute(intent, 600, "needs_response", "created");
        let open = open["data"]["object"].clone();
        world.events.clear();
        made_earlier(&mut world.refunds, 1);
        made_earlier(&mut world.disputes, 1);
        [event, lost, open]
    };
    send(&shop.client, &told).await.expect(200);
    let refunded = || async { heard.read(&shop.client).await["refunded_minor"] == 1000 };
    eventually(PATIENCE, refunded).await;

    crate::recovery::compared_anew(&shop.books, "stripe").await;

    let sql = "SELECT e ->> 'reference', e -> 'theirs' ->> 'amount_minor'
               FROM payment.reconciliations, jsonb_array_elements(report -> 'returned') e
               WHERE e -> 'ours' = 'null' ORDER BY 2";
    let rows = shop.books.sql.query(sql, &[]).await.unwrap();
    let found: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let name = |made: &Value| made["id"].as_str().unwrap().to_owned();
    assert_eq!(found, [(name(&open), "600".to_owned()), (name(&lost), "700".to_owned())]);
    let findings = "payment.reconciliations WHERE findings > 0";
    assert_eq!(shop.books.count(findings).await, 1);
}
