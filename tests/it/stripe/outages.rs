//! Answers that do not come, while the real program waits for them.

use careforall::kernel::clock;
use serde_json::json;

use super::{
    fake::{Fault, KEY, SECRET},
    world::Shop,
};
use crate::support::donation::{Campaign, new_key};

const INTENTS: &str = "POST payment_intents";

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_not_noticed_and_makes_no_second_intent() {
    let shop = Shop::open().await;
    let campaign = Campaign::open(&shop.client).await;
    shop.fake.plan(INTENTS, Fault::LoseAnswer);
    let payment = campaign.pledge(&shop.client, 2500).await.pay(&shop.client, "pm_card_visa").await;
    assert_eq!(shop.fake.world().intents.len(), 1);
    // heard before the answer could be stored, and once more
    let event = shop.deliver_newest("payment_intent.succeeded").await;
    let mut again = event.clone();
    again["pending_webhooks"] = json!(0);
    let again = super::world::send(&shop.client, &again).await.expect(200);
    assert_eq!(again.body["status"], "duplicate");
    let metrics = shop.server.metrics_text().await;
    assert!(!metrics.contains(r#"outcome="conflict""#), "it is the same event");
    assert_eq!(shop.amounts(&payment, "captured").await, [2500, 0, 0]);
    shop.books.balance().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_out_is_503_and_the_same_key_finds_the_same_intent() {
    let mut shop = Shop::open().await;
    let campaign = Campaign::open(&shop.client).await;
    let pledge = campaign.pledge(&shop.client, 2500).await;
    let (key, with) = (new_key(), json!({ "payment_method": "pm_card_visa" }));
    shop.fake.plan(INTENTS, Fault::Hang);
    let late = pledge.pay_with(&shop.client, &key, with.clone()).send().await;
    late.expect_problem(503, "provider-unavailable");
    let payment = pledge.made(pledge.pay_with(&shop.client, &key, with).send().await);
    let (intents, asked) = (shop.fake.world().intents.len(), shop.fake.asked(INTENTS));
    assert_eq!((intents, asked.len()), (1, 2));
    assert_eq!(asked[0], asked[1]);
    // it was looked for up to some minutes after the call, and not up to now, however late that is
    let listed = shop.fake.asked("GET payment_intents");
    let ends: Vec<_> = listed.iter().map(|one| one.fields.number("created[lt]").unwrap()).collect();
    let now = clock::now().timestamp();
    assert!(!ends.is_empty() && ends.iter().all(|end| (now..now + 660).contains(end)), "{ends:?}");
    shop.deliver_newest("payment_intent.succeeded").await;
    assert_eq!(shop.amounts(&payment, "captured").await, [2500, 0, 0]);
    shop.books.balance().await;
    // in all of this, nothing secret was said
    let (logs, secret) =
        (shop.server.whole_log().await, shop.fake.world().intents[0]["client_secret"].clone());
    for secret in [KEY, SECRET, secret.as_str().unwrap()] {
        assert!(!logs.contains(secret), "{secret} is in the log");
    }
}
