//! Refunds and disputes in the provider's books and in ours.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{compared_anew, read_once, restored::restored, sweeping};
use crate::{
    storms::World,
    support::{
        donation::{PATIENCE, Payment, close_dispute, sign_up_admin},
        eventually,
        server::Builder,
        webhooks::Books,
    },
};

/// Found, not mended: nobody asks the bank for what it does not say.
fn comparing() -> Builder {
    sweeping()
        .env("CAREFORALL_SWEEPER__PENDING_AFTER_SECONDS", "3600")
        .env("CAREFORALL_SWEEPER__RECONCILE_EVERY_SECONDS", "86400")
}

/// 100.00 USD, captured, of which the bank says nothing by itself.
async fn silently_paid(world: &World) -> Payment {
    let pledge = world.campaign.pledge(&world.client, 10_000).await;
    let payment = pledge.pay(&world.client, "pm_silent").await;
    payment.event("payment.captured").accepted(&world.client).await;
    payment.becomes(&world.client, "captured").await;
    payment
}

/// The payments were made long ago; what went back, did so yesterday.
const YESTERDAY: &str = "
    SET session_replication_role = replica;
    UPDATE sandbox.payments SET created_at = created_at - interval '100 days';
    UPDATE payment.payments SET created_at = created_at - interval '100 days';
    UPDATE payment.facts SET recorded_at = recorded_at - interval '1 day';
    UPDATE sandbox.refunds SET created_at = created_at - interval '100 days',
                               updated_at = updated_at - interval '1 day';
    UPDATE sandbox.disputes SET created_at = created_at - interval '100 days',
                                updated_at = updated_at - interval '1 day'";

/// What was found, by the bank's names: ours and theirs.
async fn found(books: &Books) -> BTreeMap<String, Value> {
    let sql = "SELECT e::text FROM payment.reconciliations,
                      jsonb_array_elements(report -> 'returned') e";
    let rows = books.sql.query(sql, &[]).await.unwrap();
    let found = rows.iter().map(|row| {
        let found: Value = serde_json::from_str(row.get(0)).unwrap();
        let name = found["reference"].as_str().unwrap().to_owned();
        (name, json!([found["kind"], found["ours"], found["theirs"]]))
    });
    found.collect()
}

fn word(status: &str, amount_minor: i64) -> Value {
    json!({ "status": status, "amount_minor": amount_minor })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_back_by_one_of_the_books_only_is_found_whenever_its_payment_was_made() {
    let world = World::of(comparing().start().await).await;
    let (client, books) = (&world.client, &world.books);
    read_once(books).await;
    let url = world.server.database().url();
    let admin = sign_up_admin(client, &url).await;
    let mut payments = Vec::new();
    for _ in 0..7 {
        payments.push(silently_paid(&world).await);
    }
    let [fine, unheard, vanished, other, disputed, won, fresh] = &payments[..] else { panic!() };
    let refund = async |payment: &Payment, minor: i64| {
        let refund = payment.refund(client, &admin, minor).send().await.expect(202).body;
        let id = refund["id"].as_str().unwrap();
        let name = "SELECT provider_refund_id FROM payment.refunds WHERE id::text = $1";
        books.sql.query_one(name, &[&id]).await.unwrap().get::<_, String>(0)
    };
    let name = |made: &Value| made["id"].as_str().unwrap().to_owned();
    let alike = refund(fine, 1000).await;
    let lost = name(&unheard.at_counter(client, "refunds", json!({ "amount_minor": 300 })).await);
    let gone = refund(vanished, 400).await;
    let odd = refund(other, 500).await;
    let open = name(&disputed.at_counter(client, "disputes", json!({ "amount_minor": 600 })).await);
    let back = won.at_counter(client, "disputes", json!({ "amount_minor": 700 })).await;
    close_dispute(client, &back, "won").await;
    books.sql.batch_execute(YESTERDAY).await.unwrap();
    books.execute(&format!("DELETE FROM sandbox.refunds WHERE id = '{gone}'")).await;
    books
        .execute(&format!("UPDATE sandbox.refunds SET amount_minor = 499 WHERE id = '{odd}'"))
        .await;
    // of today: its event is on its way
    fresh.at_counter(client, "refunds", json!({ "amount_minor": 800 })).await;

    compared_anew(books, "sandbox").await;

    let expected = [
        (lost, json!(["refund", null, word("succeeded", 300)])),
        (gone, json!(["refund", word("succeeded", 400), null])),
        (odd, json!(["refund", word("succeeded", 500), word("succeeded", 499)])),
        (open, json!(["dispute", null, word("open", 600)])),
    ];
    let found = found(books).await;
    assert_eq!(found, expected.into(), "alike: {alike}");
    let sums = "SELECT sum((report #>> '{sums,USD,ours_refunded_minor}')::bigint)::bigint,
                       sum((report #>> '{sums,USD,theirs_refunded_minor}')::bigint)::bigint,
                       sum((report #>> '{sums,USD,theirs_disputed_minor}')::bigint)::bigint,
                       sum(findings)::bigint FROM payment.reconciliations";
    let row = books.sql.query_one(sums, &[]).await.unwrap();
    let sums = [0, 1, 2, 3].map(|at| row.get::<_, i64>(at));
    assert_eq!(sums, [1000 + 400 + 500, 1000 + 300 + 499, 600, 4]);
    let told = restored(&url, 48);
    for (name, _) in found {
        assert!(told.contains(&name), "{name}: {told}");
    }
    assert!(!told.contains(&alike), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_heard_of_while_the_books_are_compared_is_no_difference() {
    let server = comparing().env("CAREFORALL_SWEEPER__SETTLE_SECONDS", "10").start().await;
    let world = World::of(server).await;
    read_once(&world.books).await;
    // a comparison that had begun before would tell of what it has not seen
    let done = "payment.reconciliations WHERE findings IS NOT NULL";
    eventually(PATIENCE, || async { world.books.count(done).await == 7 }).await;
    let payment = silently_paid(&world).await;
    let refund = payment.at_counter(&world.client, "refunds", json!({ "amount_minor": 300 })).await;
    let late = payment.at_counter(&world.client, "refunds", json!({ "amount_minor": 200 })).await;
    // its turn is used up at the first look, and it does nothing else
    let mark = "INSERT INTO sandbox.faults (operation, kind, times_left, delay_ms, created_at)
                VALUES ('retrieve', 'delay', 1, 1, now())";
    let anew = "DELETE FROM payment.reconciliations";
    world.books.sql.batch_execute(&format!("{YESTERDAY}; {mark}; {anew}")).await.unwrap();
    let looked = "sandbox.faults WHERE times_left = 0";
    eventually(PATIENCE, || async { world.books.count(looked).await == 1 }).await;

    let event = payment.event("refund.succeeded");
    let data = json!({ "refund_id": refund["id"], "amount_minor": 300 });
    event.data(data).accepted(&world.client).await;

    eventually(PATIENCE, || async { world.books.count(done).await == 7 }).await;
    let found: Vec<_> = found(&world.books).await.into_keys().collect();
    assert_eq!(found, [late["id"].as_str().unwrap()]);
}
