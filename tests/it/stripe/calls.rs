//! Making, capturing, cancelling: what is asked, and how the answers are understood.

use careforall::modules::payment::api::{
    CaptureMethod, CreateAnswer, CreateRequest, Provider, ProviderError, ProviderStatus,
};
use futures_util::future::join_all;
use serde_json::json;

use super::{
    fake::FakeStripe,
    world::{created, key_of, order, paid, provider},
};

#[tokio::test]
async fn a_payment_is_an_intent_with_our_id_and_is_made_once_for_its_key() {
    let (fake, order) = (FakeStripe::start(), order(None));
    let provider = provider(&fake);
    let key = key_of(&order);
    let answers = join_all((0..5).map(|_| provider.create(&order, &key))).await;
    let made = created(answers[0].clone().unwrap());
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(fake.world().intents.len(), 1);
    let asked = &fake.asked("POST payment_intents")[0];
    assert_eq!(asked.key.as_deref(), Some(key.as_str()));
    for (name, value) in [
        ("amount", "2500"),
        ("currency", "usd"),
        ("capture_method", "automatic"),
        ("metadata[payment_id]", &order.payment_id.to_string()),
        ("metadata[traceparent]", order.trace_context.as_deref().unwrap()),
        ("automatic_payment_methods[enabled]", "true"),
    ] {
        assert_eq!(asked.fields.get(name), Some(value), "{name}");
    }
    assert_eq!(asked.fields.get("confirm"), None);
    assert!(made.client_secret.unwrap().starts_with(&made.provider_payment_id));
    let now = provider.retrieve(&made.provider_payment_id).await.unwrap();
    assert_eq!((now.status, now.captured_minor), (ProviderStatus::AwaitingMethod, 0));
    assert_eq!(now.payment_id, Some(order.payment_id));
    assert_eq!((now.refunds, now.disputes), (Some(vec![]), Some(vec![])));
}

#[tokio::test]
async fn a_method_confirms_at_once_and_a_refused_card_leaves_an_intent_behind() {
    let fake = FakeStripe::start();
    let provider = provider(&fake);
    let good = order(Some("pm_card_visa"));
    let id = paid(&provider, &good).await;
    let now = provider.retrieve(&id).await.unwrap();
    assert_eq!((now.status, now.captured_minor), (ProviderStatus::Captured, 2500));
    let bad = order(Some("pm_card_visa_chargeDeclined"));
    for _ in 0..2 {
        let answer = provider.create(&bad, &key_of(&bad)).await.unwrap();
        let CreateAnswer::Declined { created, reason } = answer else { panic!("{answer:?}") };
        assert_eq!(reason, "Your card was declined.");
        let now = provider.retrieve(&created.provider_payment_id).await.unwrap();
        assert_eq!(now.status, ProviderStatus::AwaitingMethod);
    }
    assert_eq!(fake.world().intents.len(), 2);
    let asked = fake.asked("POST payment_intents");
    assert_eq!(asked[0].fields.get("automatic_payment_methods[allow_redirects]"), Some("never"));
}

#[tokio::test]
async fn what_stripe_refuses_or_cannot_count_is_refused() {
    let fake = FakeStripe::start();
    let provider = provider(&fake);
    let small = CreateRequest { amount_minor: 49, ..order(None) };
    let unknown = order(Some("pm_none"));
    let uncountable =
        CreateRequest { amount_minor: 5124, currency: "KWD".parse().unwrap(), ..order(None) };
    for order in [small, unknown, uncountable] {
        let answer = provider.create(&order, &key_of(&order)).await;
        assert!(matches!(answer, Err(ProviderError::Refused(_))), "{answer:?}");
        assert!(provider.find(order.payment_id, None).await.unwrap().is_empty());
    }
    for method in ["", "pm_", "4242424242424242", "pm_../refunds", "tok_visa"] {
        assert!(provider.check_method(method).is_err(), "{method}");
    }
    assert!(provider.check_method("pm_1MqLiJLkdIwHu7ixUEgbFdYF").is_ok());
}

#[tokio::test]
async fn currencies_are_counted_as_stripe_does() {
    let fake = FakeStripe::start();
    let provider = provider(&fake);
    for (currency, minor, counted) in [("JPY", 500, "500"), ("ISK", 700, "70000")] {
        let order = CreateRequest {
            amount_minor: minor,
            currency: currency.parse().unwrap(),
            ..order(Some("pm_card_visa"))
        };
        let id = paid(&provider, &order).await;
        let asked = fake.asked("POST payment_intents").pop().unwrap();
        assert_eq!(asked.fields.get("amount"), Some(counted));
        let now = provider.retrieve(&id).await.unwrap();
        assert_eq!((now.captured_minor, now.currency), (minor, order.currency));
    }
}

#[tokio::test]
async fn what_is_authorized_is_captured_once() {
    let fake = FakeStripe::start();
    let provider = provider(&fake);
    let order =
        CreateRequest { capture_method: CaptureMethod::Manual, ..order(Some("pm_card_visa")) };
    let id = paid(&provider, &order).await;
    let now = provider.retrieve(&id).await.unwrap();
    assert_eq!((now.status, now.captured_minor), (ProviderStatus::Authorized, 0));
    assert!(now.authorization_expires_at.is_some());
    let key = format!("cap_{}", order.payment_id);
    for key in [key.as_str(), key.as_str(), "another key"] {
        let done = provider.capture(&id, key).await.unwrap();
        assert_eq!((done.status, done.captured_minor), (ProviderStatus::Captured, 2500));
        assert_eq!(done.authorization_expires_at, None);
    }
    let told = fake.world().events.iter().filter(|e| e["type"] == "charge.captured").count();
    assert_eq!(told, 1);
    let unpaid = paid(&provider, &super::world::order(None)).await;
    let refused = provider.capture(&unpaid, "cap_2").await;
    assert!(matches!(refused, Err(ProviderError::Refused(_))), "{refused:?}");
}

#[tokio::test]
async fn a_cancellation_says_where_the_payment_ended() {
    let fake = FakeStripe::start();
    let provider = provider(&fake);
    let open = paid(&provider, &order(None)).await;
    for _ in 0..2 {
        let ended = provider.cancel(&open).await.unwrap();
        assert_eq!((ended.status, ended.captured_minor), (ProviderStatus::Canceled, 0));
    }
    let late = paid(&provider, &order(Some("pm_card_visa"))).await;
    let ended = provider.cancel(&late).await.unwrap();
    assert_eq!((ended.status, ended.captured_minor), (ProviderStatus::Captured, 2500));
    assert_eq!(provider.cancel("pi_none").await, Err(ProviderError::NotFound));
    // no key: Stripe would keep a refusal that may soon be untrue
    assert!(fake.asked(&format!("POST payment_intents/{open}")).iter().all(|a| a.key.is_none()));
    let busy = paid(&provider, &order(None)).await;
    fake.world().intents.last_mut().unwrap()["status"] = json!("processing");
    let undecided = provider.cancel(&busy).await;
    assert!(matches!(undecided, Err(ProviderError::Unavailable(_))), "{undecided:?}");
}
