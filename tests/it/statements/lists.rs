//! What a list asks does not depend on how many rows it shows.

use std::collections::BTreeMap;

use super::Overheard;
use crate::support::{
    donation::{self, sign_up_admin},
    postgres,
};

/// Rows in each list, more than on the largest page.
const MANY: &str = "
    CREATE FUNCTION pg_temp.v7(n integer) RETURNS uuid LANGUAGE sql AS $$
        SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - n), 12, '0')
                || '7000a000' || lpad(to_hex(n), 12, '0'))::uuid $$;
    CREATE TEMP TABLE many AS SELECT n, pg_temp.v7(n) AS id FROM generate_series(1, 150) n;
    INSERT INTO auth.users (id, email, password_hash, name, created_at, updated_at)
    SELECT id, n || '@example.org', '', '', now(), now() FROM many;
    INSERT INTO campaign.campaigns (id, owner_id, title, description, goal_minor, currency, status,
           allow_overfunding, published_at, created_at, updated_at, version)
    SELECT id, id, 'Wells', '', 100, 'USD', 'active', true, now(), now(), now(), 1 FROM many;
    INSERT INTO totals.campaign_totals (campaign_id, currency, goal_minor, campaign_version,
           published, updated_at)
    SELECT id, 'USD', 100, 1, true, now() FROM many;
    -- each of another campaign, but those of one
    INSERT INTO pledge.pledges (id, campaign_id, user_id, status, amount_minor, currency,
           donor_email, donor_hash, anonymous, created_at, updated_at, captured_at, payment_id)
    SELECT p.id, p.campaign, (SELECT id FROM auth.users WHERE name = 'Ada' LIMIT 1), 'completed',
           100, 'USD', 'ada@example.org', '00', false, now(), now(), now(), p.id
      FROM (SELECT id, id AS campaign FROM many
            UNION ALL SELECT pg_temp.v7(n + 1000), pg_temp.v7(1) FROM many) p;
    INSERT INTO payment.payments (id, pledge_id, campaign_id, provider, status, amount_minor,
           currency, captured_minor, capture_method, request, donor_hash, created_at, updated_at)
    SELECT id, id, campaign_id, 'sandbox', 'captured', 100, 'USD', 100, 'automatic', '{}', '00',
           now(), now() FROM pledge.pledges;
    INSERT INTO payment.webhook_inbox (provider, event_id, event_type, body, body_hash, status,
           reason, received_at, processed_at)
    SELECT 'sandbox', id::text, 'payment.captured', '', '', 'quarantined', 'planted', now(), now()
      FROM many;
    INSERT INTO bus.parked_event (id, consumer, partition, aggregate_id, seq, event_id,
           aggregate_version, type, payload, created_at, state)
    SELECT id, 'planted', 0, id, n, id, 1, 'planted.v1', '{}', now(), 'dead' FROM many;
    INSERT INTO bus.audit_log (id, actor_id, action, target_type, target_id, reason, created_at)
    SELECT id, id, 'planted', 'campaign', id::text, 'a test', now() FROM many;";

/// So often each page is asked for: what the background says meanwhile is said less often.
const TIMES: usize = 25;

/// What one request for this page asks: each statement, and how often.
async fn asked(overheard: &Overheard, page: &str, token: &str, rows: usize) -> Asked {
    let client = overheard.server.client();
    let before = overheard.statements().len();
    for _ in 0..TIMES {
        let request = client.get(page);
        let request = if token.is_empty() { request } else { request.bearer(token) };
        let body = request.send().await.expect(200).body;
        assert_eq!(body["data"].as_array().unwrap().len(), rows, "{page}: {body}");
    }
    let mut counts = Asked::new();
    for statement in overheard.statements().split_off(before) {
        *counts.entry(statement).or_default() += 1;
    }
    counts.into_iter().map(|(text, n)| (text, n / TIMES)).filter(|(_, n)| *n > 0).collect()
}

type Asked = BTreeMap<String, usize>;

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_a_hundred_asks_as_much_as_a_list_of_one() {
    let overheard = Overheard::start(donation::builder()).await;
    let url = overheard.postgres.url("careforall");
    let ada = sign_up_admin(&overheard.server.client(), &url).await;
    postgres::execute(&url, MANY);
    let client = postgres::connect(&url).await.unwrap();
    let shown = "SELECT campaign_id::text FROM pledge.pledges GROUP BY 1 HAVING count(*) > 100";
    let shown: String = client.query_one(shown, &[]).await.unwrap().get(0);
    let donations = format!("campaigns/{shown}/donations");
    for (list, token) in [
        ("campaigns?sort=newest", ""),
        ("campaigns?sort=most_funded", ""),
        ("campaigns?sort=ending_soon", ""),
        ("campaigns?q=wells", ""),
        ("campaigns", &ada),
        (&donations, ""),
        ("me/pledges", &ada),
        ("admin/users", &ada),
        ("admin/campaigns", &ada),
        ("admin/pledges", &ada),
        ("admin/payments", &ada),
        ("admin/webhook-events", &ada),
        ("admin/dead-letters", &ada),
        ("admin/audit-log", &ada),
    ] {
        let mark = if list.contains('?') { '&' } else { '?' };
        let page = |limit| format!("/api/v1/{list}{mark}limit={limit}");
        let one = asked(&overheard, &page(1), token, 1).await;
        let many = asked(&overheard, &page(100), token, 100).await;
        assert!(!one.is_empty(), "{list}: nothing was heard");
        assert_eq!(one, many, "{list}: a page of 1, and of 100");
    }
}
