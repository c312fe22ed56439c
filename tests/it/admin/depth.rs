//! What a page of each list costs, by each filter: at its beginning, far down, and where almost
//! nothing fits.

use std::collections::BTreeMap;

use careforall::kernel::clock;
use chrono::TimeDelta;

use crate::support::{
    Server, counters,
    donation::{self, PATIENCE, sign_up_admin},
    eventually,
};

const USUAL: &str = "00000000-0000-7000-8000-000000000001";
const RARE: &str = "00000000-0000-7000-8000-000000000002";

/// Rows on a page, and pages to what is far down.
const ROWS: usize = 5;
const PAGES: usize = 1000;

/// As many rows as there are on a thousand pages, a second apart; five of them unusual in each way.
const MANY: &str = "
    CREATE FUNCTION pg_temp.v7(at timestamptz) RETURNS uuid LANGUAGE sql AS $$
        SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
                || substr(md5(random()::text), 1, 20))::uuid $$;
    CREATE TEMP TABLE many AS
    SELECT n, now() - n * interval '1 second' AS at, pg_temp.v7(now() - n * interval '1 second') AS id,
           n % 1100 = 0 AS odd,
           CASE WHEN n % 1100 = 1 THEN 'RARE' ELSE 'USUAL' END::uuid AS campaign,
           CASE WHEN n % 1100 = 2 THEN 'RARE' ELSE 'USUAL' END::uuid AS person
      FROM generate_series(1, 5600) n;
    INSERT INTO auth.users (id, email, password_hash, name, created_at, updated_at, suspended_at)
    SELECT id, n || '@example.org', '', '', at, at, CASE WHEN odd THEN at END FROM many;
    INSERT INTO campaign.campaigns (id, owner_id, title, description, goal_minor, currency, status,
           allow_overfunding, published_at, created_at, updated_at, version)
    SELECT id, person, 'Wells', '', 100, 'USD', CASE WHEN odd THEN 'paused' ELSE 'active' END, true,
           at, at, at, 1 FROM many;
    INSERT INTO totals.campaign_totals (campaign_id, currency, goal_minor, campaign_version,
           published, updated_at)
    SELECT id, 'USD', 100, 1, true, at FROM many;
    INSERT INTO pledge.pledges (id, campaign_id, user_id, status, amount_minor, currency,
           donor_email, donor_hash, anonymous, created_at, updated_at)
    SELECT id, campaign, person, CASE WHEN odd THEN 'disputed' ELSE 'completed' END, 100, 'USD',
           'ada@example.org', '00', true, at, at FROM many;
    INSERT INTO payment.payments (id, pledge_id, campaign_id, provider, status, amount_minor,
           currency, captured_minor, capture_method, request, donor_hash, created_at, updated_at)
    SELECT id, id, campaign, 'sandbox', CASE WHEN odd THEN 'failed' ELSE 'captured' END, 100, 'USD',
           CASE WHEN odd THEN 0 ELSE 100 END, 'automatic', '{}', '00', at, at FROM many;
    INSERT INTO payment.webhook_inbox (provider, event_id, event_type, body, body_hash, status,
           reason, received_at, processed_at)
    SELECT 'sandbox', id::text, 'payment.captured', '', '',
           CASE WHEN odd THEN 'quarantined' ELSE 'applied' END, 'planted', at, at FROM many;
    INSERT INTO bus.parked_event (id, consumer, partition, aggregate_id, seq, event_id,
           aggregate_version, type, payload, created_at, state, parked_at)
    SELECT id, 'planted', 0, id, n, id, 1, 'planted.v1', '{}', at, 'dead', at FROM many;
    INSERT INTO bus.audit_log (id, actor_id, action, target_type, target_id, reason, created_at)
    SELECT id, person, 'planted', 'campaign', campaign::text, 'a test', at FROM many;
    ANALYZE auth.users; ANALYZE campaign.campaigns; ANALYZE campaign.funding;
    ANALYZE pledge.pledges; ANALYZE payment.payments; ANALYZE payment.webhook_inbox;
    ANALYZE bus.parked_event; ANALYZE bus.audit_log; ANALYZE totals.campaign_totals;";

/// The tables, the lists over them, and the filters by which nearly all rows fit, and only some.
const LISTS: [(&str, &str, &[&str], &[&str]); 7] = [
    ("auth.users", "users", &["", "status=active"], &["status=suspended"]),
    (
        "campaign.campaigns",
        "campaigns",
        &["", "status=active", "user_id=USUAL"],
        &["status=paused", "user_id=RARE"],
    ),
    (
        "pledge.pledges",
        "pledges",
        &["", "status=completed", "campaign_id=USUAL", "user_id=USUAL"],
        &["status=disputed", "campaign_id=RARE", "user_id=RARE"],
    ),
    (
        "payment.payments",
        "payments",
        &["", "status=captured", "campaign_id=USUAL"],
        &["status=failed", "campaign_id=RARE"],
    ),
    ("payment.webhook_inbox", "webhook-events", &["", "status=applied"], &["status=quarantined"]),
    ("bus.parked_event", "dead-letters", &[""], &[]),
    (
        "bus.audit_log",
        "audit-log",
        &["", "user_id=USUAL", "campaign_id=USUAL"],
        &["user_id=RARE", "campaign_id=RARE"],
    ),
];

/// Rows and index entries read of each table so far. A backend tells when it ends. The bus counts
/// its dead letters now and then, by an index of their own.
const READ: &str = "
    SELECT t.schemaname || '.' || t.relname,
           (coalesce(t.seq_tup_read, 0) + coalesce(sum(i.idx_tup_read), 0))::bigint
      FROM pg_stat_user_tables t
      LEFT JOIN pg_stat_user_indexes i ON i.relid = t.relid AND i.indexrelname <> 'parked_event_dead'
     GROUP BY t.schemaname, t.relname, t.seq_tup_read";

struct World {
    server: Server,
    admin: String,
}

impl World {
    async fn new() -> Self {
        let server = donation::builder().start().await;
        let admin = sign_up_admin(&server.client(), &server.database().url()).await;
        let sql = server.database().client().await;
        // what is planted contradicts itself, and is not to be compared by the way
        let compared = "SELECT count(*) = 1 FROM admin.reconciliation
                         WHERE kind = 'all' AND finished_at IS NOT NULL";
        eventually(PATIENCE, async || -> bool {
            sql.query_one(compared, &[]).await.unwrap().get(0)
        })
        .await;
        sql.batch_execute(&named(MANY)).await.unwrap();
        Self { server, admin }
    }

    async fn page(&self, path: &str) -> serde_json::Value {
        self.server.client().get(path).bearer(&self.admin).send().await.expect(200).body
    }

    /// The same list after a thousand pages.
    async fn far_down(&self, list: &str) -> String {
        let (mut met, mut cursor) = (0, String::new());
        while met < PAGES * ROWS {
            let page = self.page(&format!("{list}&limit=100{cursor}")).await;
            met += page["data"].as_array().unwrap().len();
            cursor = format!("&cursor={}", page["next_cursor"].as_str().expect("there is more"));
        }
        format!("{list}{cursor}")
    }

    async fn read(&self) -> BTreeMap<String, i64> {
        let rows = self.server.database().client().await.query(READ, &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// What a page of each of these lists costs its table.
    async fn cost(&mut self, lists: &[(&'static str, String)]) -> BTreeMap<&'static str, i64> {
        counters::stop(&mut self.server).await;
        let before = self.read().await;
        self.server.start_again().await;
        for (_, list) in lists {
            let page = self.page(&format!("{list}&limit={ROWS}")).await;
            assert_eq!(page["data"].as_array().unwrap().len(), ROWS, "{list}");
        }
        counters::stop(&mut self.server).await;
        let after = self.read().await;
        self.server.start_again().await;
        LISTS.iter().map(|(table, ..)| (*table, after[*table] - before[*table])).collect()
    }
}

fn named(text: &str) -> String {
    text.replace("USUAL", USUAL).replace("RARE", RARE)
}

/// The most that pages of these lists may cost their tables: a row more than is shown, and one that
/// the cursor's bound may touch. Each request looks its administrator up; and what the background
/// reads meanwhile is little.
fn most(lists: &[(&'static str, String)], each: usize) -> BTreeMap<&'static str, usize> {
    let mut most: BTreeMap<_, _> = LISTS.iter().map(|(table, ..)| (*table, 50)).collect();
    *most.get_mut("auth.users").unwrap() += 3 * lists.len();
    for (table, _) in lists {
        *most.get_mut(table).unwrap() += each;
    }
    most
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_costs_its_rows_by_any_filter_and_at_any_depth() {
    let mut world = World::new().await;
    let path = |list: &str, filter: &str| named(&format!("/api/v1/admin/{list}?{filter}"));
    let (mut first, mut deep, mut period) = (Vec::new(), Vec::new(), Vec::new());
    for (table, list, usual, rare) in LISTS {
        for filter in usual {
            deep.push((table, world.far_down(&path(list, filter)).await));
        }
        first.extend(usual.iter().chain(rare).map(|filter| (table, path(list, filter))));
        let at = |seconds| clock::now() - TimeDelta::seconds(seconds);
        let stamp = |seconds| at(seconds).format("%FT%TZ").to_string();
        let within = format!("from={}&to={}", stamp(4000), stamp(3000));
        period.push((table, path(list, &within)));
    }
    // identities are made within a minute of their time, so that much is passed over
    for (lists, each) in [(first, ROWS + 2), (deep, ROWS + 2), (period, ROWS + 2 + 60)] {
        let most = most(&lists, each);
        for (table, cost) in world.cost(&lists).await {
            let most = i64::try_from(most[table]).unwrap();
            assert!(cost <= most, "{table}: {cost} entries, {most} at most, for {lists:#?}");
        }
    }
}
