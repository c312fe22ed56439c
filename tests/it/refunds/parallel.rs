//! Many at once, on two replicas.

use futures_util::future::join_all;
use serde_json::json;

use super::Office;
use crate::support::donation::new_key;

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_parallel_refunds_of_sixty_per_cent_one_is_accepted() {
    let office = Office::new().await;
    let replica = office.world.replica().await;
    let clients = [office.world.client.clone(), replica.client()];
    let (pledge, payment) = office.paid("pm_success").await;

    let asked = (0..50).map(|n| payment.refund(&clients[n % 2], &office.admin, 6000).send());
    let answers = join_all(asked).await;

    let (accepted, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.status == 202);
    assert_eq!(accepted.len(), 1);
    for answer in refused {
        answer.expect_problem(422, "refund-exceeds-available");
    }
    office.refunded(&pledge, 6000).await;
    assert_eq!(payment.bank_refunds(&clients[0]).await.len(), 1);
    office.world.ends_with(10_000, 6000, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_sent_fifty_times_is_one_refund() {
    let office = Office::new().await;
    let replica = office.world.replica().await;
    let clients = [office.world.client.clone(), replica.client()];
    let (pledge, payment) = office.paid("pm_success").await;
    let (key, body) = (new_key(), json!({ "amount_minor": 100 }));

    let ask = |n: usize| payment.act(&clients[n % 2], &office.admin, &key, "refunds").json(&body);
    let answers = join_all((0..50).map(|n| ask(n).send())).await;

    let done: Vec<_> = answers.iter().filter(|answer| answer.status == 202).collect();
    assert!(!done.is_empty() && done.iter().all(|answer| answer.body == done[0].body));
    assert!(answers.iter().all(|answer| matches!(answer.status, 202 | 409)));
    let replay = ask(1).send().await.expect(202);
    assert_eq!((replay.header("idempotent-replayed"), &replay.body), (Some("true"), &done[0].body));
    office.refunded(&pledge, 100).await;
    assert_eq!(payment.bank_refunds(&clients[0]).await.len(), 1);
    office.world.ends_with(10_000, 100, 0).await;
}
