//! A process that is frozen, taken for dead, and goes on.

use serde_json::json;

use super::{PAYMENTS, Replicas};
use crate::support::{
    donation::{Campaign, PATIENCE, bank_payments, new_key, plan_fault},
    eventually,
    postgres::execute,
};

const EXPIRE: &str = "UPDATE bus.idempotency_key SET lease_until = now() WHERE finished_at IS NULL";

#[tokio::test(flavor = "multi_thread")]
async fn the_write_of_a_zombie_is_refused() {
    let replicas = Replicas::start(2, false).await;
    let [zombie, heir] = &replicas.servers[..] else { panic!() };
    let (dying, client) = (zombie.client(), heir.client());
    let campaign = Campaign::open(&client).await;
    for (method, status) in [("pm_silent", 201), ("pm_declined", 402)] {
        let pledge = campaign.pledge(&client, 700).await;
        plan_fault(&client, "create", "delay", 1, 6000).await;
        let (key, with) = (new_key(), json!({ "payment_method": method }));
        let first = tokio::spawn(pledge.pay_with(&dying, &key, with.clone()).send());
        let id = eventually(PATIENCE, || async {
            let id = pledge.read(&client).await["payment_id"].as_str()?.to_owned();
            (bank_payments(&client, &id).await.len() == 1).then_some(id)
        })
        .await;
        zombie.stop();
        execute(&zombie.database().url(), EXPIRE);
        let pay = || pledge.pay_with(&client, &key, with.clone()).send();
        // the zombie may hold locks, until Postgres ends its transactions: 503 meanwhile
        let second = eventually(PATIENCE, || async {
            let answer = pay().await;
            (answer.status != 503).then_some(answer)
        });
        let second = second.await.expect(status);
        assert_eq!(second.text(if status == 201 { "id" } else { "payment_id" }), id);
        zombie.cont();
        // fenced off; or, frozen so long that its call to the bank ran out of time, without an
        // answer
        let refused = first.await.unwrap();
        assert!(matches!(refused.status, 409 | 503), "{refused:?}");
        let stored = pay().await.expect(status);
        assert_eq!(
            (stored.header("idempotent-replayed"), &stored.body),
            (Some("true"), &second.body)
        );
        assert_eq!(bank_payments(&client, &id).await.len(), 1);
        let path = format!("/api/v1/payments/{id}/history");
        let history = client.get(&path).bearer(&pledge.token).send().await.expect(200);
        let answers = history.body["data"].as_array().unwrap().iter();
        let answers = answers.filter(|row| row["event"] == "create.declined").count();
        assert_eq!(answers, usize::from(status == 402), "the zombie leaves no trace");
    }
    assert_eq!(replicas.count(PAYMENTS).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zombie_whose_payment_was_refused_closes_nothing() {
    let replicas = Replicas::start(2, false).await;
    let [zombie, heir] = &replicas.servers[..] else { panic!() };
    let client = heir.client();
    let campaign = Campaign::open(&client).await;
    let pledge = campaign.pledge(&client, 700).await;
    plan_fault(&client, "create", "delay", 1, 6000).await;
    let (key, with) = (new_key(), json!({ "payment_method": "account:000000000000" }));
    let first = tokio::spawn(pledge.pay_with(&zombie.client(), &key, with.clone()).send());
    eventually(PATIENCE, || async {
        replicas.count("SELECT sum(times_left)::bigint FROM sandbox.faults").await == 0
    })
    .await;
    let id = pledge.read(&client).await["payment_id"].as_str().unwrap().to_owned();
    zombie.stop();
    execute(&zombie.database().url(), EXPIRE);
    let second = eventually(PATIENCE, || async {
        let answer = pledge.pay_with(&client, &key, with.clone()).send().await;
        (answer.status != 503).then_some(answer)
    });
    second.await.expect_problem(400, "validation-failed");
    zombie.cont();
    // fenced off, or without an answer, as above
    let refused = first.await.unwrap();
    assert!(matches!(refused.status, 409 | 503), "{refused:?}");
    let path = format!("/api/v1/payments/{id}/history");
    let history = client.get(&path).bearer(&pledge.token).send().await.expect(200);
    let rows = history.body["data"].as_array().unwrap().iter();
    assert_eq!(rows.filter(|row| row["event"] == "create.refused").count(), 1);
    pledge.pay(&client, "pm_success").await;
    pledge.becomes(&client, "completed").await;
}
