//! After the storm: every book against every other, and against the clients' own.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use tokio::{process::Command, task::block_in_place};

use super::{
    cluster::{Cluster, Town},
    donors::{Asked, Kind},
    faults::Faults,
};
use crate::support::{CAREFORALL, eventually, webhooks::Books};

/// Longer than the lease of a request whose replica was killed.
const LONG: Duration = Duration::from_secs(90);
const AT_ONCE: usize = 8;

/// What the bank has said and we have not heard, what we wanted and the bank has not done, and what
/// we do not know the end of.
const OPEN: &str = "(SELECT e.event_id FROM sandbox.events e
        LEFT JOIN payment.webhook_inbox i ON i.event_id = e.event_id WHERE i.event_id IS NULL
    UNION ALL SELECT id::text FROM payment.refunds WHERE status IN ('requested', 'pending')
    UNION ALL SELECT payment_id::text FROM payment.cancel_intents WHERE done_at IS NULL
    UNION ALL SELECT id::text FROM payment.payments
              WHERE provider_payment_id IS NULL AND status = 'pending' AND NOT closed) o";

/// Of payments whose answer was lost: no call can be alive any more, since nobody is frozen and the
/// bank is never later than 9 s. They need not wait for the minute, or for the lease of a sweeper
/// that was killed, as in production.
const HASTEN: &str = "
    WITH lost AS (
        SELECT id FROM payment.payments
        WHERE provider_payment_id IS NULL AND status = 'pending' AND NOT closed
          AND called_at < now() - interval '20 seconds'),
    over AS (
        UPDATE payment.payments SET called_at = now() - interval '2 minutes'
        WHERE id IN (SELECT id FROM lost) AND called_at > now() - interval '1 minute')
    UPDATE payment.checks SET next_check_at = now()
    WHERE payment_id IN (SELECT id FROM lost) AND next_check_at > now() + interval '5 seconds'";

/// What must not be, and where it would show.
const NEVER: [(&str, &str); 6] = [
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
        "money can still be taken for a promise that was taken back",
        "(SELECT b.id FROM pledge.pledges g
          JOIN payment.payments p ON p.pledge_id = g.id
          JOIN sandbox.payments b ON b.payment_id = p.id
          WHERE g.status = 'cancelled' AND b.status <> 'canceled') o",
    ),
    (
        "a refund is made twice at the bank",
        "(SELECT refund_id FROM sandbox.refunds WHERE refund_id IS NOT NULL
          GROUP BY refund_id HAVING count(*) > 1) o",
    ),
];

/// Refusals that a donor who begins anew, or an administrator who is too early or too late, may get.
const REFUSALS: [&str; 5] = [
    "payment-already-active",
    "pledge-not-payable",
    "pledge-not-cancellable",
    "refund-exceeds-available",
    "invalid-transition",
];

pub async fn hold(cluster: &Cluster, town: &Town, faults: &Faults, asked: Vec<Asked>) {
    let books = Books::open(&cluster.url).await;
    books.execute("UPDATE sandbox.faults SET times_left = 0").await;
    block_in_place(|| cluster.redis.command("FLUSHALL").unwrap());
    let asked = ask_again(town, asked).await;
    // what is cancelled by now is an intent once the bus is idle, and heard of after that
    for _ in 0..2 {
        let settled = async || {
            books.execute(HASTEN).await;
            books.count(OPEN).await == 0
        };
        eventually(LONG, settled).await;
        books.balance().await;
    }
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
            Kind::Cancellation => "(SELECT * FROM pledge.pledges WHERE cancelled_at IS NOT NULL) p",
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

/// What clients know to have paid is what the bank took from them (of what was taken back, all or
/// nothing: who was faster only the bank knows), and with what was taken from those who went away it
/// is the campaign's total.
async fn clients_books_agree(books: &Books, town: &Town, asked: &[Asked]) {
    let sql = "SELECT payment_id::text, captured_minor FROM sandbox.payments";
    let rows = books.sql.query(sql, &[]).await.unwrap();
    let mut bank: HashMap<String, i64> = rows.iter().map(|r| (r.get(0), r.get(1))).collect();
    let taken_back: HashSet<&str> = asked
        .iter()
        .filter(|asked| asked.kind == Kind::Cancellation)
        .filter_map(Asked::pledge)
        .collect();
    let mut total = 0;
    for asked in asked.iter().filter(|asked| asked.kind == Kind::Payment) {
        let (Some(id), Some((status, body))) = (asked.id(), &asked.answer) else { continue };
        let pays = *status == 201 && asked.body["payment_method"].is_string();
        let expected = if pays { body["amount_minor"].as_i64().unwrap() } else { 0 };
        let taken = bank.remove(id);
        let withdrawn = asked.pledge().is_some_and(|pledge| taken_back.contains(pledge));
        assert!(
            taken == Some(expected) || (withdrawn && taken == Some(0)),
            "{taken:?}: {asked:#?}"
        );
        total += taken.unwrap_or(0);
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
