//! The consumer against a simple model, and against its neighbours.

use std::time::Duration;

use careforall::{
    kernel::ids::{CampaignId, PaymentId, PledgeId},
    modules::{
        campaign::events::{CAMPAIGN_CHANGED, CampaignChanged},
        payment::events::{PAYMENT_CHANGED, PaymentChanged},
        totals::{TotalsConsumer, api},
    },
    platform::{
        event_bus::{Consumer, ConsumerError, Event},
        postgres::{Connection, Database},
    },
};
use diesel_async::AsyncConnection;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Handle;

use super::history::{self, Fact, Figures, Model};
use crate::support::TestDatabase;

pub async fn open(conn: &mut Connection) -> CampaignId {
    let id = CampaignId::generate();
    api::open(conn, id, "USD".parse().unwrap(), 1000).await.unwrap();
    id
}

pub async fn deliver(conn: &mut Connection, batch: &[Event]) -> Result<(), ConsumerError> {
    conn.transaction(async |conn| TotalsConsumer.handle(conn, batch).await).await
}

pub async fn stored(conn: &mut Connection, id: CampaignId) -> (Figures, i64) {
    let view = api::for_campaigns(conn, &[id]).await.unwrap().remove(&id).unwrap();
    let figures = [
        view.pledged_minor,
        view.captured_minor,
        view.refunded_minor,
        view.disputed_minor,
        view.donation_count,
        view.donor_count,
    ];
    (figures, view.version)
}

pub fn payment(campaign_id: CampaignId, version: i64, amounts: [i64; 3]) -> PaymentChanged {
    PaymentChanged {
        payment_id: PaymentId::generate(),
        pledge_id: PledgeId::generate(),
        campaign_id,
        version,
        status: "captured".into(),
        currency: "USD".parse().unwrap(),
        captured_minor: amounts[0],
        refunded_minor: amounts[1],
        disputed_minor: amounts[2],
        donor_hash: "00ff".into(),
    }
}

pub fn event(fact: &PaymentChanged) -> Event {
    history::event(PAYMENT_CHANGED, fact.campaign_id, fact.payment_id.0, fact.version, fact)
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_equal_the_newest_word_whatever_the_bus_does() {
    let postgres = TestDatabase::new().await;
    let database = Database::new(&postgres.url(), 1, Handle::current()).unwrap();
    let cases = || {
        let mut runner = TestRunner::new(Config { cases: 64, ..Config::default() });
        runner.run(&history::cases(), |(lives, picks)| {
            Handle::current().block_on(check(&database, &lives, &picks));
            Ok(())
        })
    };
    tokio::task::block_in_place(cases).unwrap();
}

/// Delivers picked facts, cut into batches at random, and compares after each batch.
async fn check(
    database: &Database,
    lives: &[history::Life],
    picks: &[(proptest::sample::Index, bool)],
) {
    let conn = &mut database.conn().await.unwrap();
    let campaigns = [open(conn).await, open(conn).await, open(conn).await];
    let facts = history::facts(lives, &campaigns);
    let (mut model, mut batch) = (Model::default(), Vec::new());
    for (pick, ends_batch) in picks {
        let fact: &Fact = pick.get(&facts);
        model.see(fact);
        batch.push(fact.event());
        if *ends_batch {
            deliver(conn, &std::mem::take(&mut batch)).await.unwrap();
            for id in campaigns {
                assert_eq!(stored(conn, id).await.0, model.figures(id));
            }
        }
    }
    deliver(conn, &batch).await.unwrap();
    for id in campaigns {
        let (figures, version) = stored(conn, id).await;
        assert_eq!(figures, model.figures(id));
        deliver(conn, &facts_seen(&model_events(&facts, picks))).await.unwrap();
        assert_eq!(stored(conn, id).await, (figures, version), "nothing new, no new version");
    }
}

fn model_events(facts: &[Fact], picks: &[(proptest::sample::Index, bool)]) -> Vec<Fact> {
    picks.iter().map(|(pick, _)| pick.get(facts).clone()).collect()
}

fn facts_seen(facts: &[Fact]) -> Vec<Event> {
    facts.iter().map(Fact::event).collect()
}

#[tokio::test]
async fn a_batch_is_one_update_of_a_hot_campaign() {
    let postgres = TestDatabase::new().await;
    let database = Database::new(&postgres.url(), 1, Handle::current()).unwrap();
    let conn = &mut database.conn().await.unwrap();
    let id = open(conn).await;
    let batch: Vec<_> = (0..500).map(|_| event(&payment(id, 1, [10, 2, 3]))).collect();
    deliver(conn, &batch).await.unwrap();
    assert_eq!(stored(conn, id).await, ([0, 5000, 1000, 1500, 500, 1], 2));
}

#[tokio::test]
async fn two_payments_of_one_pledge_are_one_gift() {
    let postgres = TestDatabase::new().await;
    let database = Database::new(&postgres.url(), 1, Handle::current()).unwrap();
    let conn = &mut database.conn().await.unwrap();
    let id = open(conn).await;
    let first = payment(id, 1, [10, 0, 0]);
    let second = PaymentChanged { payment_id: PaymentId::generate(), ..first.clone() };
    deliver(conn, &[event(&first), event(&second)]).await.unwrap();
    assert_eq!(stored(conn, id).await.0, [0, 20, 0, 0, 1, 1]);
}

#[tokio::test]
async fn goals_follow_the_newest_campaign() {
    let postgres = TestDatabase::new().await;
    let database = Database::new(&postgres.url(), 1, Handle::current()).unwrap();
    let conn = &mut database.conn().await.unwrap();
    let campaign_id = open(conn).await;
    for (version, goal_minor, expected) in [(3, 50, 50), (2, 70, 50), (4, 50, 50), (5, 80, 80)] {
        let fact = CampaignChanged {
            campaign_id,
            version,
            status: "active".into(),
            goal_minor,
            currency: "USD".parse().unwrap(),
            allow_overfunding: true,
        };
        let event = history::event(CAMPAIGN_CHANGED, campaign_id, campaign_id.0, version, &fact);
        deliver(conn, &[event]).await.unwrap();
        let view = api::for_campaigns(conn, &[campaign_id]).await.unwrap().remove(&campaign_id);
        assert_eq!(view.unwrap().goal_minor, expected, "after version {version}");
    }
    assert_eq!(stored(conn, campaign_id).await.1, 3, "only what is seen makes a version");
}

#[tokio::test]
async fn what_cannot_be_counted_is_refused_whole() {
    let postgres = TestDatabase::new().await;
    let database = Database::new(&postgres.url(), 1, Handle::current()).unwrap();
    let conn = &mut database.conn().await.unwrap();
    let id = open(conn).await;
    let good = payment(id, 1, [10, 0, 0]);
    let bad = [
        payment(CampaignId::generate(), 1, [10, 0, 0]),
        payment(id, 1, [10, 6, 5]),
        payment(id, 1, [10, -1, 0]),
        PaymentChanged { currency: "EUR".parse().unwrap(), ..payment(id, 1, [10, 0, 0]) },
        PaymentChanged { donor_hash: "no hex".into(), ..payment(id, 1, [10, 0, 0]) },
    ];
    for fact in bad {
        let error = deliver(conn, &[event(&good), event(&fact)]).await.unwrap_err();
        assert!(!error.is_transient(), "{error}");
        assert_eq!(stored(conn, id).await, ([0; 6], 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_overlap_neither_deadlock_nor_lose() {
    let postgres = TestDatabase::new().await;
    let database = Database::new(&postgres.url(), 4, Handle::current()).unwrap();
    // twelve tasks take their turns
    let database = database.waiting(Duration::from_secs(20));
    let conn = &mut database.conn().await.unwrap();
    let campaigns = [open(conn).await, open(conn).await, open(conn).await];
    let facts: Vec<_> = campaigns.map(|id| payment(id, 1, [10, 0, 0])).into();
    let tasks = (0..12_usize).map(|n| {
        let (database, mut facts) = (database.clone(), facts.clone());
        facts.rotate_left(n % 3);
        tokio::spawn(async move {
            let conn = &mut database.conn().await.unwrap();
            // everybody delivers the same payments, and some of their own
            let mut batch: Vec<_> = facts.iter().map(event).collect();
            batch.extend(facts.iter().map(|f| event(&payment(f.campaign_id, 1, [1, 0, 0]))));
            deliver(conn, &batch).await.unwrap();
        })
    });
    futures_util::future::try_join_all(tasks.collect::<Vec<_>>()).await.unwrap();
    for id in campaigns {
        assert_eq!(stored(conn, id).await.0, [0, 22, 0, 0, 13, 1]);
    }
}
