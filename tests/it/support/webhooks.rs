//! Behind the scenes of webhooks: what became of each of them, and whether the books balance.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_postgres::Client as Sql;

use super::{
    donation::{Event, PATIENCE},
    postgres,
    wait::eventually,
};

/// What became of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub status: String,
    pub reason: Option<String>,
}

/// A look into all books of a database.
pub struct Books {
    pub sql: Sql,
}

impl Books {
    pub async fn open(url: &str) -> Self {
        Self { sql: postgres::connect(url).await.unwrap() }
    }

    /// The number of rows of `what`: a table, and a condition if need be.
    pub async fn count(&self, what: &str) -> i64 {
        self.sql.query_one(&format!("SELECT count(*) FROM {what}"), &[]).await.unwrap().get(0)
    }

    pub async fn execute(&self, statement: &str) -> u64 {
        self.sql.execute(statement, &[]).await.unwrap()
    }

    /// What became of the event so far; `None`: it is not in the inbox.
    pub async fn letter(&self, event: &Event) -> Option<Letter> {
        let look = "SELECT status, reason FROM payment.webhook_inbox WHERE event_id = $1";
        let id = event.0["id"].as_str().unwrap();
        let row = self.sql.query_opt(look, &[&id]).await.unwrap()?;
        Some(Letter { status: row.get(0), reason: row.get(1) })
    }

    /// Waits until the event has been judged, and returns what it came to. While the provider is
    /// asked it has not been.
    #[track_caller]
    pub fn judged(&self, event: &Event) -> impl Future<Output = Letter> {
        eventually(PATIENCE, move || async move {
            self.letter(event).await.filter(|letter| {
                letter.status != "pending" && letter.reason.as_deref() != Some("asking_provider")
            })
        })
    }

    /// Waits until the event has this status.
    #[track_caller]
    pub fn becomes(&self, event: &Event, status: &str) -> impl Future<Output = ()> {
        eventually(PATIENCE, move || async move {
            self.letter(event).await.is_some_and(|letter| letter.status == status)
        })
    }

    /// Expects that nothing comes of the event, for this reason, once it has been judged.
    pub async fn comes_to(&self, event: &Event, status: &str, reason: Option<&str>) {
        let reason = reason.map(str::to_owned);
        let expected = Letter { status: status.to_owned(), reason };
        assert_eq!(self.judged(event).await, expected, "{}", event.0);
    }

    /// Waits until there is nothing left to do, then compares all books with each other.
    pub async fn balance(&self) {
        eventually(SETTLED, async || {
            let left: Vec<String> = self.sql.query_one(LEFT, &[]).await.unwrap().get(0);
            if left.is_empty() { Ok(()) } else { Err(left) }
        })
        .await;
        for (rule, offenders) in RULES {
            let sql = format!("SELECT o::text FROM ({offenders}) o LIMIT 5");
            let rows = self.sql.query(&sql, &[]).await.unwrap();
            let rows: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            assert!(rows.is_empty(), "{rule}: {rows:?}");
        }
    }

    /// Captured, refunded and disputed of all payments together.
    pub async fn sums(&self) -> Value {
        let sums = "SELECT coalesce(sum(captured_minor), 0)::bigint,
                           coalesce(sum(refunded_minor), 0)::bigint,
                           coalesce(sum(disputed_minor), 0)::bigint FROM payment.payments";
        let row = self.sql.query_one(sums, &[]).await.unwrap();
        let [captured, refunded, disputed] = [0, 1, 2].map(|at| row.get::<_, i64>(at));
        json!({ "captured_minor": captured, "refunded_minor": refunded,
                "disputed_minor": disputed, "net_minor": captured - refunded - disputed })
    }
}

/// Longer than what was begun and broken off is left to whoever began it: 30 s for a question to a
/// provider whose answer could not be written.
const SETTLED: Duration = Duration::from_secs(90);

/// What is left to do: webhooks to judge, events to bring to consumers. What is deferred may wait.
const LEFT: &str = "
    SELECT coalesce(array_agg(what), '{}') FROM (
        SELECT 'webhook ' || event_id || ' ' || status || coalesce(' ' || reason, '') AS what
          FROM payment.webhook_inbox
         WHERE status = 'pending'
            OR (status = 'deferred' AND (reason = 'asking_provider' OR next_attempt_at <= now()))
        UNION ALL SELECT 'event to sequence ' || id FROM bus.outbox
        UNION ALL SELECT 'parked event ' || p::text FROM bus.parked_event p WHERE state = 'parked'
        UNION ALL SELECT 'consumer ' || consumer || ' ' || partition || ' at ' || max(position)
          FROM bus.consumer_cursor GROUP BY consumer, partition
        HAVING max(position) < (SELECT last_seq FROM bus.event_head ORDER BY pass DESC LIMIT 1)
    ) open";

/// What must always hold, and a query for the rows that break it.
const RULES: [(&str, &str); 10] = [
    (
        "the ledger's differences add up to the payment",
        "SELECT p.id, p.captured_minor, p.refunded_minor, p.disputed_minor, l.*
         FROM payment.payments p LEFT JOIN (
             SELECT payment_id,
                    sum(delta_minor) FILTER (WHERE kind = 'captured')::bigint AS captured,
                    sum(delta_minor) FILTER (WHERE kind = 'refunded')::bigint AS refunded,
                    sum(delta_minor) FILTER (WHERE kind = 'disputed')::bigint AS disputed
             FROM payment.ledger GROUP BY payment_id) l ON l.payment_id = p.id
         WHERE (p.captured_minor, p.refunded_minor, p.disputed_minor)
               <> (coalesce(captured, 0), coalesce(refunded, 0), coalesce(disputed, 0))",
    ),
    (
        "the read model has every payment as it is",
        "SELECT p.id, p.version, c.* FROM payment.payments p
         FULL JOIN totals.contribution c ON c.payment_id = p.id
         WHERE (p.id IS NULL OR p.captured_minor > 0)
           AND (p.captured_minor, p.refunded_minor, p.disputed_minor, p.version)
               IS DISTINCT FROM
               (c.captured_minor, c.refunded_minor, c.disputed_minor, c.version)",
    ),
    (
        "a campaign's totals are the sums of its contributions",
        "SELECT t.* FROM totals.campaign_totals t
         WHERE (t.captured_minor, t.refunded_minor, t.disputed_minor) <>
               (SELECT coalesce(sum(c.captured_minor), 0)::bigint,
                       coalesce(sum(c.refunded_minor), 0)::bigint,
                       coalesce(sum(c.disputed_minor), 0)::bigint
                FROM totals.contribution c WHERE c.campaign_id = t.campaign_id)",
    ),
    (
        "what is pledged, and how many gave, is counted",
        "SELECT t.* FROM totals.campaign_totals t
         WHERE (t.pledged_minor, t.donation_count) <>
               ((SELECT coalesce(sum(p.amount_minor), 0)::bigint FROM pledge.pledges p
                 WHERE p.campaign_id = t.campaign_id AND p.status NOT IN ('cancelled', 'failed')),
                (SELECT count(DISTINCT p.pledge_id) FROM payment.payments p
                 WHERE p.campaign_id = t.campaign_id AND p.captured_minor > 0))",
    ),
    (
        "no more is returned than was captured",
        "SELECT id FROM payment.payments
         WHERE least(captured_minor, refunded_minor, disputed_minor) < 0
            OR refunded_minor + disputed_minor > captured_minor
            OR (status IN ('captured', 'refunded')) <> (captured_minor > 0)
            OR (status = 'refunded') <> (captured_minor > 0 AND refunded_minor = captured_minor)",
    ),
    (
        "the history's versions only grow, up to the payment's",
        "SELECT * FROM (
             SELECT h.payment_id, h.version, p.version AS newest,
                    lag(h.version) OVER (PARTITION BY h.payment_id ORDER BY h.id) AS earlier
             FROM payment.history h JOIN payment.payments p ON p.id = h.payment_id) h
         WHERE h.version < h.earlier OR h.version > h.newest",
    ),
    (
        "the pledge follows its payments",
        "SELECT g.id, g.status, p.* FROM pledge.pledges g
         JOIN (SELECT pledge_id, sum(captured_minor) AS captured, sum(refunded_minor) AS refunded,
                      sum(disputed_minor) AS disputed
               FROM payment.payments GROUP BY pledge_id) p ON p.pledge_id = g.id
         WHERE captured > 0
           AND g.status <> CASE WHEN refunded = captured THEN 'refunded'
                                WHEN refunded + disputed = captured THEN 'disputed'
                                ELSE 'completed' END",
    ),
    (
        "our refunds are what the facts say of them",
        "SELECT r.id, r.status, failed FROM payment.refunds r
         JOIN (SELECT payment_id, reference, bool_or(state = 'failed') AS failed
               FROM payment.facts WHERE kind = 'refund' GROUP BY payment_id, reference) f
           ON f.payment_id = r.payment_id AND f.reference = r.provider_refund_id
         WHERE r.status <> CASE WHEN failed THEN 'failed' ELSE 'succeeded' END",
    ),
    ("no event is given up", "SELECT id, consumer, last_error FROM bus.parked_event"),
    ("no webhook is dead", "SELECT * FROM payment.webhook_inbox WHERE status = 'dead'"),
];
