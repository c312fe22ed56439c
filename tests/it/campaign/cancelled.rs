//! A campaign that is cancelled with thousands of promises.

use futures_util::{StreamExt, stream};
use serde_json::json;

use crate::support::{
    Client,
    donation::{Campaign, PATIENCE, builder, new_key, promise},
    eventually, postgres,
    webhooks::Books,
};

const PLEDGES: usize = 2000;
const EACH: i64 = 100;

async fn promised(client: &Client, campaign: &Campaign) {
    let posts = stream::iter(0..PLEDGES).map(async |_| {
        promise(client, &new_key(), &campaign.gift(EACH)).await.expect(201);
    });
    posts.buffer_unordered(32).collect::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_unpaid_pledges_are_cancelled_each_once_though_killed_in_the_middle() {
    let mut server = builder().start().await;
    let (client, url) = (server.client(), server.database().url());
    let campaign = Campaign::open(&client).await;
    let paid = campaign.pledge(&client, 700).await;
    paid.pay(&client, "pm_success").await;
    paid.becomes(&client, "completed").await;
    promised(&client, &campaign).await;
    let last = campaign.pledge(&client, EACH).await;
    let held = last.begin_payment(&client).await;
    let another = campaign.pledge(&client, EACH).await;
    let books = Books::open(&url).await;
    let all = i64::try_from(PLEDGES).unwrap() + 2;
    campaign.totals_become(&client, json!({ "pledged_minor": 700 + all * EACH })).await;

    // somebody is busy with a pledge in the middle: there the work stands still
    let mut busy = postgres::connect(&url).await.unwrap();
    let lock = busy.transaction().await.unwrap();
    // (in two steps: what OFFSET passes over would be locked as well)
    let middle = "SELECT id FROM pledge.pledges WHERE id =
                      (SELECT id FROM pledge.pledges ORDER BY id OFFSET 1000 LIMIT 1) FOR UPDATE";
    lock.query_one(middle, &[]).await.unwrap();
    campaign.act(&client, "cancel").await;
    let cancelled = "pledge.pledges WHERE status = 'cancelled'";
    eventually(PATIENCE, || async { books.count(cancelled).await > 0 }).await;
    let waiting = "pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%pledges%'
                   AND datname = current_database()";
    eventually(PATIENCE, || async { books.count(waiting).await > 0 }).await;
    let late = promise(&client, &new_key(), &campaign.gift(EACH)).await;
    late.expect_problem(409, "campaign-not-accepting");
    assert_eq!(another.read(&client).await["status"], "pending", "its turn has not come");
    let pay = another.pay_with(&client, &new_key(), json!({ "payment_method": "pm_success" }));
    pay.send().await.expect_problem(409, "pledge-not-payable");
    server.kill9();
    let before = books.count(cancelled).await;
    assert!((1..=1000).contains(&before), "{before}");
    lock.rollback().await.unwrap();

    server.start_again().await;

    let client = server.client();
    let done = "pledge.cancelled_campaigns WHERE done_at IS NOT NULL";
    eventually(PATIENCE, || async { books.count(done).await == 1 }).await;
    assert_eq!(books.count(cancelled).await, all);
    assert_eq!(paid.read(&client).await["status"], "completed");
    // of those that were being paid, the payment goes too
    held.becomes(&client, "failed").await;
    assert_eq!(held.bank_has(&client).await["status"], "canceled");
    campaign.totals_become(&client, json!({ "pledged_minor": 700, "captured_minor": 700 })).await;
    books.balance().await;
    let told = "bus.event_log WHERE type = 'pledge.cancelled.v1'";
    assert_eq!(books.count(told).await, all, "each is told of once");
    let twice = "pledge.pledges WHERE status = 'cancelled' AND version > 3";
    assert_eq!(books.count(twice).await, 0);
}
