//! Payments that are begun and concluded in one transaction with others: what is wrong with one is
//! no matter to its neighbours.

use futures_util::future::join_all;
use serde_json::json;
use tokio_postgres::Client as Sql;

use super::{PAYMENTS, Replicas, count};
use crate::support::{
    Client, Response, Server,
    donation::{Campaign, PATIENCE, Pledge, bank_payments, builder, new_key},
    eventually,
    postgres::{connect, execute},
};

const OPEN_KEYS: &str = "SELECT count(*) FROM bus.idempotency_key WHERE finished_at IS NULL";

async fn pledges(client: &Client, campaign: &Campaign, n: usize) -> Vec<Pledge> {
    join_all((0..n).map(|_| campaign.pledge(client, 700))).await
}

/// Each pledge paid for with a key of its own, all at once.
async fn pay_all(clients: &[Client], pledges: &[&Pledge]) -> Vec<Response> {
    let with = json!({ "payment_method": "pm_success" });
    let pay = pledges.iter().zip(clients.iter().cycle());
    let pay = pay.map(|(pledge, client)| pledge.pay_with(client, &new_key(), with.clone()).send());
    join_all(pay).await
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_that_are_made_together_are_each_made_once() {
    let replicas = Replicas::start(2, false).await;
    let (client, clients) = (replicas.client(), replicas.clients(2));
    let campaign = Campaign::open(&client).await;
    let pledges = pledges(&client, &campaign, 60).await;
    // every pledge by both replicas, under one key: one makes it, the other one knows of it
    let keys: Vec<_> = pledges.iter().map(|_| new_key()).collect();
    let with = json!({ "payment_method": "pm_success" });
    let pay = |client: &Client| {
        let all = pledges.iter().zip(&keys);
        join_all(all.map(|(pledge, key)| pledge.pay_with(client, key, with.clone()).send()))
    };
    let (ones, others) = futures_util::join!(pay(&clients[0]), pay(&clients[1]));
    for (one, other) in ones.into_iter().zip(others) {
        let made = [&one, &other].iter().filter(|answer| answer.status == 201).count();
        assert!(made >= 1, "{} {}", one.body, other.body);
        for answer in [one, other].into_iter().filter(|answer| answer.status != 201) {
            answer.expect_problem(409, "idempotency-in-progress");
        }
    }
    for answer in pay(&clients[1]).await {
        assert_eq!(answer.expect(201).header("idempotent-replayed"), Some("true"));
    }
    assert_eq!(replicas.count(PAYMENTS).await, 60);
    assert_eq!(replicas.count("SELECT count(*) FROM sandbox.payments").await, 60);
    assert_eq!(replicas.count("SELECT count(*) FROM payment.checks").await, 60);
    assert_eq!(replicas.count(OPEN_KEYS).await, 0);
    let first = "SELECT count(*) FROM payment.history WHERE event = 'payment.created'";
    assert_eq!(replicas.count(first).await, 60);
    let counted = json!({ "captured_minor": 42_000, "donation_count": 60 });
    campaign.totals_become(&client, counted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_paid_for_is_told_why_and_keeps_nobody() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let plain = pledges(&client, &campaign, 20).await;
    let cancelled = campaign.pledge(&client, 700).await;
    cancelled.cancel(&client, &new_key()).send().await.expect(200);
    let paid = campaign.pledge(&client, 700).await;
    let payment = paid.pay(&client, "pm_success").await;
    let stranger = Pledge { id: plain[0].id.clone(), token: cancelled.token.clone() };
    let twice = campaign.pledge(&client, 700).await;
    let used = new_key();
    twice.pay_with(&client, &used, json!({})).send().await.expect(201);

    let key = || new_key();
    let (clients, plain): (_, Vec<_>) = ([client.clone()], plain.iter().collect());
    let (made, cancelled, active, foreign, reused) = futures_util::join!(
        pay_all(&clients, &plain),
        cancelled.pay_with(&client, &key(), json!({})).send(),
        paid.pay_with(&client, &key(), json!({})).send(),
        stranger.pay_with(&client, &key(), json!({})).send(),
        twice.pay_with(&client, &used, json!({ "capture_method": "manual" })).send(),
    );
    for answer in made {
        answer.expect(201);
    }
    cancelled.expect_problem(409, "pledge-not-payable");
    let active = active.expect_problem(409, "payment-already-active");
    assert_eq!(active.text("payment_id"), payment.id);
    foreign.expect_problem(404, "not-found");
    reused.expect_problem(422, "idempotency-key-reused");
    let url = server.database().url();
    assert_eq!(count(&url, PAYMENTS).await, 22);
    assert_eq!(count(&url, OPEN_KEYS).await, 0, "the keys of those that were refused are free");
}

/// One of the payments cannot be written, whatever it is written with.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_cannot_be_written_fails_alone() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let all = pledges(&client, &campaign, 20).await;
    let url = server.database().url();
    execute(
        &url,
        &format!(
            "CREATE FUNCTION payment.poison() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'poisoned'; END $$;
             CREATE TRIGGER poison BEFORE INSERT ON payment.payments FOR EACH ROW
             WHEN (new.pledge_id = '{}') EXECUTE FUNCTION payment.poison()",
            all[7].id
        ),
    );
    let answers = pay_all(std::slice::from_ref(&client), &all.iter().collect::<Vec<_>>()).await;
    for (place, answer) in answers.into_iter().enumerate() {
        answer.expect(if place == 7 { 500 } else { 201 });
    }
    assert_eq!(count(&url, PAYMENTS).await, 19);
    assert_eq!(count(&url, OPEN_KEYS).await, 0, "nothing is left of it");
}

async fn hold(server: &Server, what: &str) -> Sql {
    let sql = connect(&server.database().url()).await.unwrap();
    sql.batch_execute(&format!("BEGIN; SELECT FROM {what} FOR UPDATE")).await.unwrap();
    sql
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pledge_in_other_hands_keeps_only_its_own_payment_waiting() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let all = pledges(&client, &campaign, 12).await;
    let (held, free) = all.split_first().unwrap();
    let holder = hold(&server, &format!("pledge.pledges WHERE id = '{}'", held.id)).await;
    let waiting = tokio::spawn(held.pay_with(&client, &new_key(), json!({})).send());
    for answer in pay_all(std::slice::from_ref(&client), &free.iter().collect::<Vec<_>>()).await {
        answer.expect(201);
    }
    assert!(!waiting.is_finished(), "it waits for whoever holds its pledge");
    holder.batch_execute("COMMIT").await.unwrap();
    waiting.await.unwrap().expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_in_other_hands_keeps_only_its_own_answer_waiting() {
    let server = builder().start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let all = pledges(&client, &campaign, 12).await;
    let (held, free) = all.split_first().unwrap();
    // the bank can be asked, but nothing is made there: no answer comes before its payment is held
    let bank = connect(&server.database().url()).await.unwrap();
    bank.batch_execute("BEGIN; LOCK TABLE sandbox.payments IN SHARE MODE").await.unwrap();
    let waiting = tokio::spawn(held.pay_with(&client, &new_key(), json!({})).send());
    let id = eventually(PATIENCE, || async {
        held.read(&client).await["payment_id"].as_str().map(str::to_owned)
    })
    .await;
    let holder = hold(&server, &format!("payment.payments WHERE id = '{id}'")).await;
    bank.batch_execute("COMMIT").await.unwrap();
    // whoever waits from now on does not wait for the bank
    eventually(PATIENCE, || async { bank_payments(&client, &id).await.len() == 1 }).await;
    let url = server.database().url();
    let waits = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually(PATIENCE, || async { count(&url, waits).await == 1 }).await;
    for answer in pay_all(std::slice::from_ref(&client), &free.iter().collect::<Vec<_>>()).await {
        answer.expect(201);
    }
    assert!(!waiting.is_finished(), "it waits for whoever holds its payment");
    holder.batch_execute("COMMIT").await.unwrap();
    assert_eq!(waiting.await.unwrap().expect(201).text("id"), id);
}
