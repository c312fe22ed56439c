//! What the totals tell others.

use careforall::{
    kernel::ids::PledgeId,
    modules::{
        campaign::events::{CAMPAIGN_CHANGED, CampaignChanged},
        pledge::events::{PLEDGE_CHANGED, PledgeChanged},
        totals::events::TotalsChanged,
    },
    platform::postgres::Database,
};
use tokio::runtime::Handle;

use super::{
    consumer::{deliver, event, open, payment, stored},
    history,
};
use crate::support::TestDatabase;

/// Versions of the totals that were announced, in order.
async fn announced(postgres: &TestDatabase) -> Vec<(i64, TotalsChanged)> {
    let read = "SELECT aggregate_version, payload::text FROM bus.outbox
                 WHERE type = 'totals.changed.v1' ORDER BY id";
    let rows = postgres.client().await.query(read, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), serde_json::from_str(row.get(1)).unwrap())).collect()
}

#[tokio::test]
async fn a_batch_announces_the_money_of_a_campaign_once_and_promises_not_at_all() {
    let postgres = TestDatabase::new().await;
    let database = Database::new(&postgres.url(), 1, Handle::current()).unwrap();
    let conn = &mut database.conn().await.unwrap();
    let campaign_id = open(conn).await;
    let promise = |_| {
        let pledge = PledgeChanged {
            pledge_id: PledgeId::generate(),
            campaign_id,
            version: 1,
            status: "pending".into(),
            amount_minor: 5,
            currency: "USD".parse().unwrap(),
            counted_minor: 5,
        };
        history::event(PLEDGE_CHANGED, campaign_id, pledge.pledge_id.0, 1, &pledge)
    };
    let promises: Vec<_> = (0..100).map(promise).collect();
    deliver(conn, &promises).await.unwrap();
    assert_eq!(announced(&postgres).await, []);

    let gifts: Vec<_> = (0..500).map(|_| event(&payment(campaign_id, 1, [10, 2, 3]))).collect();
    let revised = CampaignChanged {
        campaign_id,
        version: 2,
        status: "active".into(),
        goal_minor: 50_000,
        currency: "USD".parse().unwrap(),
        allow_overfunding: true,
    };
    let revised = history::event(CAMPAIGN_CHANGED, campaign_id, campaign_id.0, 2, &revised);
    let batch = [gifts, vec![revised.clone()]].concat();
    for _ in 0..2 {
        // what is known already is not announced again
        deliver(conn, &batch).await.unwrap();
        let [(version, totals)] = &announced(&postgres).await[..] else { panic!("not one event") };
        let now = stored(conn, campaign_id).await.1;
        assert_eq!((*version, totals.version), (now, now));
        assert_eq!((totals.captured_minor, totals.pledged_minor), (5_000, 500));
        assert_eq!(totals.funded_ppm(), 50_000);
    }
    let goal =
        CampaignChanged { version: 3, goal_minor: 25_000, ..revised.payload.read().unwrap() };
    let goal = history::event(CAMPAIGN_CHANGED, campaign_id, campaign_id.0, 3, &goal);
    deliver(conn, &[goal]).await.unwrap();
    let told = announced(&postgres).await;
    assert_eq!((told.len(), told[1].1.funded_ppm()), (2, 100_000));
}
