//! Answers that are late, lost, wrong, or of the other mode.

use std::time::{Duration, Instant};

use careforall::modules::{
    payment::api::{CreateRequest, Provider, ProviderError},
    stripe::StripeProvider,
};

use super::{
    fake::{FakeStripe, Fault, KEY},
    world::{key_of, order, provider},
};

const INTENTS: &str = "POST payment_intents";

fn unavailable<T>(outcome: &Result<T, ProviderError>) -> bool {
    matches!(outcome, Err(ProviderError::Unavailable(_)))
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_nothing_is_done_twice() {
    let (fake, order) = (FakeStripe::start(), order(Some("pm_card_visa")));
    fake.plan(INTENTS, Fault::LoseAnswer);
    provider(&fake).create(&order, &key_of(&order)).await.unwrap();
    assert_eq!(fake.world().intents.len(), 1);
    let asked = fake.asked(INTENTS);
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0], asked[1], "the same request, with the same key");
}

#[tokio::test]
async fn what_may_go_better_is_tried_again_within_the_time() {
    let fake = FakeStripe::start();
    for (status, name, value) in [
        (500, "stripe-should-retry", "true"),
        (503, "x-none", ""),
        (409, "x-none", ""),
        (429, "retry-after", "1"),
    ] {
        fake.plan(INTENTS, Fault::Refuse(status, name, value));
        let order = order(None);
        let begun = Instant::now();
        let answer = provider(&fake).create(&order, &key_of(&order)).await;
        assert!(answer.is_ok(), "{status}: {answer:?}");
        assert!(status != 429 || begun.elapsed() >= Duration::from_secs(1), "it was asked to wait");
    }
    assert_eq!(fake.world().intents.len(), 4);
}

#[tokio::test]
async fn what_will_not_go_better_is_not() {
    let (fake, order) = (FakeStripe::start(), order(None));
    let provider = provider(&fake);
    let told_not_to = Fault::Refuse(500, "stripe-should-retry", "false");
    let too_long = Fault::Refuse(429, "retry-after", "60");
    for (fault, asked) in [(told_not_to, 1), (too_long, 2)] {
        fake.plan(INTENTS, fault);
        assert!(unavailable(&provider.create(&order, &key_of(&order)).await));
        assert_eq!(fake.asked(INTENTS).len(), asked);
    }
    // the first answer is fresh, the second the same again: there is no third
    fake.plan(INTENTS, Fault::Keep500);
    assert!(unavailable(&provider.create(&order, &key_of(&order)).await));
    assert_eq!(fake.asked(INTENTS).len(), 4);
    assert!(fake.world().intents.is_empty());
}

#[tokio::test]
async fn no_call_takes_longer_than_eight_seconds() {
    let (fake, order) = (FakeStripe::start(), order(None));
    fake.plan(INTENTS, Fault::Hang);
    let begun = Instant::now();
    assert!(unavailable(&provider(&fake).create(&order, &key_of(&order)).await));
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    assert_eq!(fake.world().intents.len(), 1, "it was done all the same");
}

/// The request that first used the key may well have made a payment.
#[tokio::test]
async fn a_key_used_for_something_else_leaves_open_what_was_done() {
    let (fake, order) = (FakeStripe::start(), order(None));
    let provider = provider(&fake);
    provider.create(&order, &key_of(&order)).await.unwrap();
    let other = CreateRequest { amount_minor: 100, ..order.clone() };
    assert!(unavailable(&provider.create(&other, &key_of(&order)).await));
}

#[tokio::test]
async fn a_key_that_stripe_does_not_know_is_no_verdict_and_is_not_told() {
    let (fake, order) = (FakeStripe::start(), order(None));
    let stranger = StripeProvider::new(&"sk_test_hush".into(), &[], fake.base()).unwrap();
    let answer = stranger.create(&order, &key_of(&order)).await;
    assert!(unavailable(&answer) && !format!("{answer:?}").contains("hush"), "{answer:?}");
    let nowhere = StripeProvider::new(&KEY.into(), &[], "http://127.0.0.1:1").unwrap();
    let answer = nowhere.create(&order, &key_of(&order)).await;
    assert!(unavailable(&answer), "{answer:?}");
}

#[tokio::test]
async fn objects_of_the_other_mode_are_not_believed() {
    let (fake, order) = (FakeStripe::start(), order(None));
    fake.world().livemode = true;
    let provider = provider(&fake);
    assert!(unavailable(&provider.create(&order, &key_of(&order)).await));
    assert!(unavailable(&provider.find(order.payment_id, None).await));
    let id = fake.world().intents[0]["id"].as_str().unwrap().to_owned();
    assert!(unavailable(&provider.retrieve(&id).await));
}

#[test]
fn a_key_that_is_none_is_refused() {
    for key in ["", "pk_test_1", "sk_test_", "sk_test_a\nb"] {
        assert!(StripeProvider::new(&key.into(), &[], "http://x").is_err(), "{key:?}");
    }
    for base in ["", "x", "mailto:x"] {
        assert!(StripeProvider::new(&KEY.into(), &[], base).is_err(), "{base:?}");
    }
}
