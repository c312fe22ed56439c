//! Whatever the bank does, a request is answered within 20 s: its lease is longer.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::NOWHERE;
use crate::{
    storms::World,
    support::{
        Response,
        client::Request,
        donation::{builder, new_key, plan_fault, sign_up_admin},
    },
};

const BOUND: Duration = Duration::from_secs(20);

/// Nobody sweeps, and nobody works on refunds: only requests speak with the bank.
async fn world() -> World {
    let server = builder()
        .env(NOWHERE.0, NOWHERE.1)
        .env("CAREFORALL_SWEEPER__EVERY_SECONDS", "3600")
        .env("CAREFORALL_BREAKER__FAILURES", "1000")
        .env("CAREFORALL_BREAKER__WINDOW_CALLS", "1000");
    World::of(server.start().await).await
}

/// Answered in time, and only after the bank had been waited for so long.
async fn answered(request: Request, seconds: u64) -> Response {
    let began = Instant::now();
    let answer = request.send().await;
    let took = began.elapsed();
    assert!((Duration::from_secs(seconds)..BOUND).contains(&took), "{took:?}: {answer:?}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_closes_a_former_one_first_is_answered_in_time() {
    let world = world().await;
    let client = &world.client;
    let pledge = world.campaign.pledge(client, 700).await;
    let former = pledge.begin_payment(client).await;
    former.event("payment.failed").accepted(client).await;
    former.becomes(client, "failed").await;
    // by mistake it may be there twice
    world.books.execute("UPDATE payment.payments SET create_attempt = 2").await;
    plan_fault(client, "find", "delay", 1, 4000).await;
    plan_fault(client, "cancel", "delay", 1, 4000).await;
    plan_fault(client, "create", "hang", 1, 0).await;
    let pay = pledge.pay_with(client, &new_key(), json!({ "payment_method": "pm_success" }));
    answered(pay, 15).await.expect_problem(503, "provider-unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_that_never_answers_is_left_in_time_by_each_request() {
    let world = world().await;
    let client = &world.client;
    let admin = sign_up_admin(client, &world.server.database().url()).await;
    for operation in ["create", "find", "cancel", "capture", "retrieve"] {
        plan_fault(client, operation, "hang", 1000, 0).await;
    }
    let (pledge, key) = (world.campaign.pledge(client, 700).await, new_key());
    let pay = || pledge.pay_with(client, &key, json!({ "payment_method": "pm_success" }));
    let unavailable = |answer: Response| {
        answer.expect_problem(503, "provider-unavailable");
    };
    unavailable(answered(pay(), 7).await);
    // recovery looks first
    unavailable(answered(pay(), 7).await);
    let id = pledge.read(client).await["payment_id"].as_str().unwrap().to_owned();
    world.books.execute(super::LONG_AGO).await;
    let by_hand = |act: &str| {
        let request = client.post(&format!("/api/v1/payments/{id}/{act}"));
        request.bearer(&admin).idempotency_key(new_key())
    };
    unavailable(answered(by_hand("cancel"), 7).await);
    world.books.execute("UPDATE payment.payments SET status = 'authorized'").await;
    unavailable(answered(by_hand("capture"), 7).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_is_looked_for_first_is_answered_in_time() {
    let world = world().await;
    let client = &world.client;
    let admin = sign_up_admin(client, &world.server.database().url()).await;
    let payment = world.campaign.pledge(client, 10_000).await.pay(client, "pm_silent").await;
    payment.event("payment.captured").accepted(client).await;
    payment.becomes(client, "captured").await;
    world.books.execute("UPDATE payment.payments SET provider_payment_id = NULL").await;
    let key = new_key();
    let refund = || {
        let request = payment.act(client, &admin, &key, "refunds");
        request.json(json!({ "amount_minor": 4000 }))
    };
    // no worker comes before us
    plan_fault(client, "find", "fail", 1000, 0).await;
    refund().send().await.expect_problem(503, "provider-unavailable");
    let keep = "UPDATE payment.refunds SET next_attempt_at = now() + interval '1 hour'";
    world.books.execute(keep).await;
    world.books.execute("UPDATE sandbox.faults SET times_left = 0").await;
    plan_fault(client, "find", "delay", 1, 4000).await;
    plan_fault(client, "retrieve", "delay", 1, 4000).await;
    plan_fault(client, "refund", "hang", 1, 0).await;
    answered(refund(), 15).await.expect_problem(503, "provider-unavailable");
}
