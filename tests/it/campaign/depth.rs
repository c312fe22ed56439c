//! What a page costs, at the beginning of a list and far down.

use serde_json::json;

use super::{Person, Server};
use crate::support::counters::stop;

/// As many campaigns and gifts as there are rows on a thousand pages, and some more. Every seventh
/// campaign has no end; many are funded alike; one word is rare.
const MANY: &str = "
    INSERT INTO campaign.campaigns (id, owner_id, title, description, goal_minor, currency, status,
           ends_at, allow_overfunding, published_at, created_at, updated_at, version)
    SELECT gen_random_uuid(), gen_random_uuid(),
           CASE n WHEN 2500 THEN 'Lighthouse' ELSE 'Wells ' || n END, 'Clean water.', 100, 'USD',
           'active', CASE WHEN n % 7 > 0 THEN now() + n * interval '1 day' END, true, now(),
           now() - n * interval '1 second', now(), 1
      FROM generate_series(1, 5100) n;
    INSERT INTO totals.campaign_totals (campaign_id, currency, goal_minor, campaign_version,
           published, updated_at)
    SELECT id, 'USD', 100, 1, true, now() FROM campaign.campaigns ON CONFLICT DO NOTHING;
    INSERT INTO pledge.pledges (id, campaign_id, status, amount_minor, currency, donor_email,
           donor_hash, anonymous, created_at, updated_at, captured_at)
    SELECT gen_random_uuid(), c.id, 'completed', 100, 'USD', 'ada@example.org', '00', true, now(),
           now(), now() - n * interval '1 second'
      FROM generate_series(1, 5100) n, campaign.campaigns c WHERE c.title = 'Shown';
    UPDATE campaign.funding SET funded_ppm = (random() * 30)::int;
    ANALYZE campaign.campaigns; ANALYZE campaign.funding; ANALYZE totals.campaign_totals; ANALYZE pledge.pledges;";

/// Rows on a page.
const ROWS: usize = 5;

/// Entries read of each of these indexes so far. A backend tells when it ends.
const READ: &str = "SELECT coalesce(sum(idx_tup_read), 0)::bigint FROM pg_stat_user_indexes
                     WHERE indexrelname = ANY($1::text[])";

/// The cursor after a thousand pages; every row is met once.
async fn far_down(server: &Server, list: &str) -> String {
    let (mut met, mut cursor) = (0, String::new());
    while met < 1000 * ROWS {
        let path = format!("{list}&limit=100{cursor}");
        let page = server.client().get(&path).send().await.expect(200).body;
        met += page["data"].as_array().unwrap().len();
        cursor = format!("&cursor={}", page["next_cursor"].as_str().unwrap());
    }
    cursor
}

/// Index entries that one page costs.
async fn cost(server: &mut Server, page: &str, indexes: &[&str]) -> i64 {
    let database = server.database().client().await;
    let read = async || -> i64 { database.query_one(READ, &[&indexes]).await.unwrap().get(0) };
    stop(server).await;
    let before = read().await;
    server.start_again().await;
    let rows = server.client().get(page).send().await.expect(200).body;
    assert_eq!(rows["data"].as_array().unwrap().len(), ROWS, "{page}");
    stop(server).await;
    let cost = read().await - before;
    server.start_again().await;
    cost
}

#[tokio::test(flavor = "multi_thread")]
async fn no_list_is_slower_at_page_1000_than_at_page_1() {
    let mut server = Server::start().await;
    let ada = Person::new(&server).await;
    let shown = ada.published(&server, json!({"title": "Shown"})).await;
    server.database().client().await.batch_execute(MANY).await.unwrap();
    let campaigns = ["campaigns_newest", "campaigns_by_status", "campaigns_ending"];
    for (list, indexes) in [
        ("/api/v1/campaigns?sort=newest".to_owned(), &campaigns[..]),
        ("/api/v1/campaigns?sort=ending_soon".to_owned(), &campaigns[..]),
        ("/api/v1/campaigns?sort=most_funded".to_owned(), &["funding_most"][..]),
        ("/api/v1/campaigns?sort=most_funded&status=active".to_owned(), &["funding_most"][..]),
        (format!("{shown}/donations?"), &["pledges_donations"][..]),
    ] {
        let cursor = far_down(&server, &list).await;
        let first = cost(&mut server, &format!("{list}&limit={ROWS}"), indexes).await;
        let deep = cost(&mut server, &format!("{list}&limit={ROWS}{cursor}"), indexes).await;
        // one row more than is shown, and one that the cursor's bound may touch
        let most = i64::try_from(ROWS).unwrap() + 2;
        assert!(first > 0 && first <= most, "{list}: {first} entries for the first page");
        assert!(deep > 0 && deep <= most, "{list}: {deep} entries for page 1,001");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rare_word_is_found_by_its_index() {
    let mut server = Server::start().await;
    server.database().client().await.batch_execute(MANY).await.unwrap();
    let page = "/api/v1/campaigns?q=lighthouses";
    let rows = server.client().get(page).send().await.expect(200).body;
    assert_eq!(rows["data"].as_array().unwrap().len(), 1);
    let database = server.database().client().await;
    stop(&mut server).await;
    let read = async |index: &str| -> i64 {
        database.query_one(READ, &[&vec![index]]).await.unwrap().get(0)
    };
    assert_eq!((read("campaigns_words").await, read("campaigns_newest").await), (1, 0));
}
