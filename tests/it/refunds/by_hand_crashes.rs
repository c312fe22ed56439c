//! The process is killed while the bank, which has captured or cancelled, keeps it waiting: once at
//! the bank, with a retry or without.

use super::{Office, by_hand::held};
use crate::{
    storms::World,
    support::{
        donation::{PATIENCE, Payment, Pledge, builder, new_key, plan_fault, sign_up_admin},
        eventually,
    },
};

const EXPIRE: &str = "UPDATE bus.idempotency_key SET lease_until = now() WHERE finished_at IS NULL";
/// It is time to look at what has not been heard of.
const LOOK: &str = "UPDATE payment.checks SET next_check_at = now()";

/// An administrator's act at the bank, and what becomes of the payment there and here.
struct Act {
    name: &'static str,
    at_bank: &'static str,
    here: &'static str,
    pledge: &'static str,
    captured: i64,
}

const CAPTURE: Act = Act {
    name: "capture",
    at_bank: "captured",
    here: "captured",
    pledge: "completed",
    captured: 10_000,
};

const CANCEL: Act =
    Act { name: "cancel", at_bank: "canceled", here: "failed", pledge: "failed", captured: 0 };

/// Nothing is heard of the bank but what it is asked.
async fn office() -> Office {
    let server = builder()
        .env("CAREFORALL_SWEEPER__EVERY_SECONDS", "1")
        .env("CAREFORALL_SWEEPER__EVENTS_EVERY_SECONDS", "86400");
    let world = World::of(server.start().await).await;
    let admin = sign_up_admin(&world.client, &world.server.database().url()).await;
    Office { world, admin }
}

async fn killed_before_phase_c(office: &mut Office, act: &Act) -> (Pledge, Payment, String) {
    let client = office.world.client.clone();
    let (pledge, payment) = held(office, "pm_silent").await;
    plan_fault(&client, act.name, "delay", 1, 7000).await;
    let key = new_key();
    let asked = tokio::spawn(payment.act(&client, &office.admin, &key, act.name).try_send());
    let done = || async { payment.bank_has(&client).await["status"] == act.at_bank };
    eventually(PATIENCE, done).await;
    office.world.server.kill9();
    assert!(asked.await.unwrap().is_err(), "the answer was lost");
    office.world.server.start_again().await;
    office.world.client = office.world.server.client();
    let now = payment.read(&office.world.client).await;
    assert_eq!(now["status"], "authorized", "phase C has not been");
    (pledge, payment, key)
}

async fn ends_once(office: &Office, act: &Act, (pledge, payment): (&Pledge, &Payment)) {
    let client = &office.world.client;
    payment.becomes(client, act.here).await;
    pledge.becomes(client, act.pledge).await;
    let at_bank = payment.bank_has(client).await;
    assert_eq!(at_bank["status"], act.at_bank);
    assert_eq!(at_bank["captures"], i64::from(act.captured > 0));
    office.world.ends_with(act.captured, 0, 0).await;
}

async fn and_the_client_retries(act: &Act) {
    let mut office = office().await;
    let (pledge, payment, key) = killed_before_phase_c(&mut office, act).await;
    let client = &office.world.client;
    let ask = || payment.act(client, &office.admin, &key, act.name).send();
    ask().await.expect_problem(409, "idempotency-in-progress");
    office.world.books.execute(EXPIRE).await;
    let answer = ask().await.expect(200).body;
    assert_eq!(answer["status"], act.here);
    let replay = ask().await.expect(200);
    assert_eq!((replay.header("idempotent-replayed"), &replay.body), (Some("true"), &answer));
    ends_once(&office, act, (&pledge, &payment)).await;
}

async fn and_the_client_never_retries(act: &Act) {
    let mut office = office().await;
    let (pledge, payment, key) = killed_before_phase_c(&mut office, act).await;
    office.world.books.execute(LOOK).await;
    ends_once(&office, act, (&pledge, &payment)).await;
    // much later after all: it was done, by that very request
    office.world.books.execute(EXPIRE).await;
    let late = payment.act(&office.world.client, &office.admin, &key, act.name);
    assert_eq!(late.send().await.expect(200).body["status"], act.here);
    ends_once(&office, act, (&pledge, &payment)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn captured_and_killed_before_phase_c_and_the_client_retries() {
    and_the_client_retries(&CAPTURE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn captured_and_killed_before_phase_c_and_the_client_never_retries() {
    and_the_client_never_retries(&CAPTURE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_and_killed_before_phase_c_and_the_client_retries() {
    and_the_client_retries(&CANCEL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_and_killed_before_phase_c_and_the_client_never_retries() {
    and_the_client_never_retries(&CANCEL).await;
}
