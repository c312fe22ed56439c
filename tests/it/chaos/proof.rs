//! After the storm: every book against every other, and against the clients' own.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use tokio::process::Command;

use super::{
    cluster::{Cluster, Town},
    donors::{Asked, Kind},
    faults::Faults,
};
use crate::support::{CAREFORALL, eventually, webhooks::Books};

/// Longer than the lease of a request whose replica was killed.
const LONG: Duration = Duration::from_secs(90);
const AT_ONCE: usize = 8;

/// What the bank has said and we have not heard, what we wanted and the bank has not done.
const OPEN: &str = "(SELECT e.event_id FROM sandbox.events e
        LEFT JOIN payment.webhook_inbox i ON i.event_id = e.event_id WHERE i.event_id IS NULL
    UNION ALL SELECT id::text FROM payment.refunds WHERE status IN ('requested', 'pending')
    UNION ALL SELECT payment_id::text FROM payment.cancel_intents WHERE done_at IS NULL) o";

/// What must not be, and where it would show.
const NEVER: [(&str, &str); 5] = [
    (
        "a donor is charged twice",
        "(SELECT p.pledge_id FROM sandbox.payments b JOIN payment.payments p ON p.id = b.payment_id
          WHERE b.captured_minor > 0 GROUP BY p.pledge_id
          HAVING count(*) > 1 OR sum(b.captures) > 1) o",
    ),
    (
        "a payment is made twice at the bank",
        "(SELECT payment_id FROM sandbox.payments GROUP BY payment_id HAVING count(*) > 1) o",
    ),
    (
        "our book of a payment differs from the bank's",
        "(SELECT b.id FROM sandbox.payments b
          LEFT JOIN (SELECT provider_payment_id, sum(amount_minor) AS minor FROM sandbox.refunds
                     WHERE status = 'succeeded' GROUP BY provider_payment_id) r
            ON r.provider_payment_id = b.id
          LEFT JOIN payment.payments p ON p.id = b.payment_id
          WHERE (b.captured_minor, coalesce(r.minor, 0))
                IS DISTINCT FROM (p.captured_minor, p.refunded_minor)) o",
    ),
    (
        "a gift is promised twice",
        "(SELECT donor_email FROM pledge.pledges GROUP BY donor_email HAVING count(*) > 1) o",
    ),
    (
        "a refund is made twice at the bank",
        "(SELECT refund_id FROM sandbox.refunds WHERE refund_id IS NOT NULL
          GROUP BY refund_id HAVING count(*) > 1) o",
    ),
];

/// Refusals that a donor who begins anew, or an administrator who is too early or too late, may get.
const REFUSALS: [&str; 4] = [
    "payment-already-active",
    "pledge-not-payable",
    "refund-exceeds-available",
    "invalid-transition",
];

pub async fn hold(cluster: &Cluster, town: &Town, faults: &Faults, asked: Vec<Asked>) {
    let asked = ask_again(town, asked).await;
    let books = Books::open(&cluster.url).await;
    eventually(LONG, async || books.count(OPEN).await == 0).await;
    books.balance().await;
    let lost = lost(&books, &asked).await;
    let doubled: Vec<_> = asked.iter().filter_map(|asked| asked.doubled.as_ref()).collect();
    report(cluster, faults, &asked, lost.len(), doubled.len());
    assert!(lost.is_empty(), "acknowledged and lost: {lost:#?}");
    assert!(doubled.is_empty(), "answered differently: {doubled:#?}");
    for (what, offenders) in NEVER {
        assert_eq!(books.count(offenders).await, 0, "{what}");
    }
    for asked in &asked {
        let Some((status, body)) = &asked.answer else { continue };
        let known = REFUSALS.iter().any(|code| body["code"] == *code);
        assert!(*status < 300 || *status == 402 || known, "{asked:#?}");
    }
    clients_books_agree(&books, town, &asked).await;
    reconciled(cluster).await;
}

/// Whoever was not answered and has not gone away asks until he is; whoever was asks once more, of
/// another replica and without what Redis had remembered.
async fn ask_again(town: &Town, asked: Vec<Asked>) -> Vec<Asked> {
    let again = stream::iter(asked.into_iter().enumerate()).map(async |(number, mut asked)| {
        let client = &town.doors[number % town.doors.len()];
        let within = Duration::from_secs(25);
        if !asked.given_up {
            let end = tokio::time::Instant::now() + LONG;
            while !asked.attempt(client, within).await {
                assert!(tokio::time::Instant::now() < end, "never answered: {asked:#?}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        asked
    });
    again.buffer_unordered(AT_ONCE).collect().await
}

/// Acknowledged requests whose effect is not in the database, just once.
async fn lost(books: &Books, asked: &[Asked]) -> Vec<String> {
    let mut lost = Vec::new();
    for asked in asked {
        let Some(id) = asked.id() else { continue };
        let table = match asked.kind {
            Kind::Pledge => "pledge.pledges",
            Kind::Payment => "payment.payments",
            Kind::Refund => "payment.refunds",
        };
        let amount = asked.body["amount_minor"].as_i64();
        let amount = amount.map_or(String::new(), |minor| format!("AND amount_minor = {minor}"));
        if books.count(&format!("{table} WHERE id = '{id}' {amount}")).await != 1 {
            lost.push(format!("{asked:?}"));
        }
    }
    lost
}

/// What clients know to have paid is what the bank took from them, and with what was taken from
/// those who went away it is the campaign's total.
async fn clients_books_agree(books: &Books, town: &Town, asked: &[Asked]) {
    let sql = "SELECT payment_id::text, captured_minor FROM sandbox.payments";
    let rows = books.sql.query(sql, &[]).await.unwrap();
    let mut bank: HashMap<String, i64> = rows.iter().map(|r| (r.get(0), r.get(1))).collect();
    let mut total = 0;
    for asked in asked.iter().filter(|asked| asked.kind == Kind::Payment) {
        let (Some(id), Some((status, body))) = (asked.id(), &asked.answer) else { continue };
        let pays = *status == 201 && asked.body["payment_method"].is_string();
        let expected = if pays { body["amount_minor"].as_i64().unwrap() } else { 0 };
        let taken = bank.remove(id);
        assert_eq!(taken, Some(expected), "{asked:#?}");
        total += expected;
    }
    total += bank.values().sum::<i64>();
    let totals = town.campaign.totals(&town.doors[0]).await;
    assert_eq!(totals["captured_minor"], total, "{totals}");
}

async fn reconciled(cluster: &Cluster) {
    let mut command = Command::new(CAREFORALL);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CAREFORALL_")) {
        command.env_remove(name);
    }
    let output = command.arg("reconcile").env("DATABASE_URL", &cluster.url).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

fn report(cluster: &Cluster, faults: &Faults, asked: &[Asked], lost: usize, doubled: usize) {
    let (dropped, twice) = cluster.nginx.mishaps();
    let mut table: BTreeMap<&str, usize> = faults.counts.clone();
    table.insert("webhooks lost", dropped);
    table.insert("webhooks doubled", twice);
    println!("{:<28}{:>8}", "faults injected", "");
    for (what, times) in table {
        println!("  {what:<26}{times:>8}");
    }
    println!("{:<28}{:>8}", "requests", asked.len());
    let acknowledged = asked.iter().filter(|asked| asked.id().is_some()).count();
    let given_up = asked.iter().filter(|asked| asked.given_up).count();
    let refused = asked.len() - acknowledged - given_up;
    let attempts = asked.iter().map(|asked| asked.attempts).sum();
    for (what, count) in [
        ("attempts", attempts),
        ("acknowledged", acknowledged),
        ("refused", refused),
        ("given up by the client", given_up),
        ("lost", lost),
        ("doubled", doubled),
    ] {
        println!("  {what:<26}{count:>8}");
    }
}
