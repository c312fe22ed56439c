//! The database is restored from a backup that lacks its last minutes. The bank lacks nothing.

use std::process::Command;

use serde_json::json;

use super::{NOWHERE, sweeping};
use crate::support::{
    CAREFORALL, Redis, TestDatabase,
    donation::{Campaign, PATIENCE, WEBHOOK_SECRET, builder, new_key, promise},
    eventually,
    postgres::execute,
    webhooks::Books,
};

const NOT_CANCELLED: &str = "pledge.pledges WHERE status <> 'cancelled'";

/// What the bank has, which is not ours to lose.
async fn carry_over_the_bank(from: &Books, to: &Books) {
    to.sql.batch_execute("SET session_replication_role = replica").await.unwrap();
    for table in ["payments", "events", "refunds", "disputes"] {
        let read = format!("SELECT coalesce(json_agg(t), '[]')::text FROM sandbox.{table} t");
        let rows: String = from.sql.query_one(&read, &[]).await.unwrap().get(0);
        to.execute(&format!("DELETE FROM sandbox.{table}")).await;
        let write = format!(
            "INSERT INTO sandbox.{table}
             SELECT * FROM json_populate_recordset(null::sandbox.{table}, $1::text::json)"
        );
        to.sql.execute(&write, &[&rows]).await.unwrap();
    }
}

/// What the command says.
pub fn restored(url: &str, hours: u16) -> String {
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(CAREFORALL)
        .args(["restored", "--hours", &hours.to_string()])
        .current_dir(directory.path())
        .env("DATABASE_URL", url)
        .env("CAREFORALL_SANDBOX__WEBHOOK_SECRET", WEBHOOK_SECRET)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_that_differ_are_told_with_their_currencies() {
    let mut server = builder().start().await;
    let (client, url) = (server.client(), server.database().url());
    let pledge = Campaign::open(&client).await.pledge(&client, 700).await;
    let payment = pledge.pay(&client, "pm_success").await;
    pledge.becomes(&client, "completed").await;
    server.kill9();
    execute(&url, "UPDATE sandbox.payments SET currency = 'EUR'");
    let told = restored(&url, 1);
    let line = format!(
        "different: {} ({}), captured 700 USD here and 700 EUR there",
        payment.provider_payment_id, payment.id
    );
    assert!(told.contains(&line), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_are_not_replayed_events_are_read_again_and_orphans_reported() {
    let redis = Redis::start();
    let configured = || {
        let builder = sweeping().env("REDIS_URL", redis.url()).env(NOWHERE.0, NOWHERE.1);
        builder.env("CAREFORALL_SWEEPER__EVENTS_EVERY_SECONDS", "1")
    };
    let database = TestDatabase::new().await;
    let mut server = configured().database_url(database.url()).start().await;
    let client = server.client();
    let campaign = Campaign::open(&client).await;
    let kept = campaign.pledge(&client, 700).await;
    let payment = kept.begin_payment(&client).await;
    let taken_back = campaign.pledge(&client, 50).await;
    server.kill9();
    let backup = database.backup().await;

    // the last minutes
    server.start_again().await;
    let client = server.client();
    payment.confirm(&client, "pm_success").await;
    payment.becomes(&client, "captured").await;
    let (key, gift) = (new_key(), campaign.gift(900));
    let answer = promise(&client, &key, &gift).await.expect(201);
    // a repetition: from now on Redis has it, and a cancellation at once
    promise(&client, &key, &gift).await.expect(201);
    let cancellation = new_key();
    taken_back.cancel(&client, &cancellation).send().await.expect(200);
    let lost = crate::support::donation::Pledge {
        id: answer.text("id"),
        token: answer.text("guest_token"),
    };
    let orphan = lost.pay(&client, "pm_success").await;
    lost.becomes(&client, "completed").await;
    server.kill9();
    let (before, after) = (Books::open(&database.url()).await, Books::open(&backup.url()).await);
    carry_over_the_bank(&before, &after).await;

    // whoever forgets to say so gives answers that nobody knows of
    let mut server = configured().database_url(backup.url()).start().await;
    let client = server.client();
    let cancelled = taken_back.cancel(&client, &cancellation).send().await.expect(200);
    assert_eq!(cancelled.header("idempotent-replayed"), Some("true"));
    assert_eq!(after.count(NOT_CANCELLED).await, 2);
    server.kill9();

    let told = restored(&backup.url(), 1);
    assert!(told.contains(&format!("lost here: {}", orphan.provider_payment_id)), "{told}");
    assert!(!told.contains(&format!("lost here: {}", payment.provider_payment_id)), "{told}");
    server.start_again().await;
    let client = server.client();
    let anew = promise(&client, &key, &gift).await.expect(201);
    assert_eq!(anew.header("idempotent-replayed"), None);
    assert_ne!(anew.text("id"), lost.id);
    let cancelled = taken_back.cancel(&client, &cancellation).send().await.expect(200);
    assert_eq!(cancelled.header("idempotent-replayed"), None);
    assert_eq!(after.count(NOT_CANCELLED).await, 2);
    // what was captured meanwhile is heard of again
    payment.becomes(&client, "captured").await;
    kept.becomes(&client, "completed").await;
    campaign.totals_become(&client, json!({ "captured_minor": 700, "pledged_minor": 1600 })).await;
    // what nobody here knows waits, and is dead in the end, with its reason
    let waiting = format!(
        "payment.webhook_inbox WHERE payment_id = '{}' AND reason = 'payment_unknown'",
        orphan.id
    );
    eventually(PATIENCE, || async {
        after.count(&format!("{waiting} AND status = 'deferred'")).await == 2
    })
    .await;
    let exhaust = "UPDATE payment.webhook_inbox SET attempts = 1000, next_attempt_at = now()
                WHERE status = 'deferred'";
    execute(&backup.url(), exhaust);
    eventually(PATIENCE, || async {
        after.count(&format!("{waiting} AND status = 'dead'")).await == 2
    })
    .await;
}
