//! The levels of the cache, each by itself.

use std::time::Duration;

use careforall::{
    kernel::ids::CampaignId,
    modules::totals::{
        TotalsService,
        api::{self, Source},
    },
    platform::{cache::RedisPool, postgres::Database},
};
use tokio::runtime::Handle;

use crate::support::{Redis, TestDatabase, eventually};

const PATIENCE: Duration = Duration::from_secs(20);

async fn source(service: &TotalsService, id: CampaignId) -> Source {
    service.read(id).await.unwrap().snapshot().unwrap().1
}

async fn published(database: &Database) -> CampaignId {
    let (conn, id) = (&mut database.conn().await.unwrap(), CampaignId::generate());
    api::open(conn, id, "USD".parse().unwrap(), 1000).await.unwrap();
    api::publish(conn, id).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_share_what_one_of_them_has_read() {
    let (postgres, redis) = (TestDatabase::new().await, Redis::start());
    let database = Database::new(&postgres.url(), 4, Handle::current()).unwrap();
    let pool = || Some(RedisPool::new(&redis.url(), PATIENCE).unwrap());
    let replica = || TotalsService::new(database.clone(), pool());
    let (one, two, id) = (replica(), replica(), published(&database).await);
    assert_eq!(source(&one, id).await, Source::ReadModel);
    // whatever runs out meanwhile on a slow machine, each level is met
    for (replica, expected) in [
        (&one, Source::ProcessCache),
        (&two, Source::Redis),
        (&two, Source::ProcessCache),
        (&one, Source::ReadModel),
    ] {
        eventually(PATIENCE, || async { source(replica, id).await == expected }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_answering_totals_are_read_all_the_same() {
    let postgres = TestDatabase::new().await;
    let database = Database::new(&postgres.url(), 4, Handle::current()).unwrap();
    let away = RedisPool::new("redis://127.0.0.1:1", PATIENCE).unwrap();
    let service = TotalsService::new(database.clone(), Some(away));
    assert_eq!(source(&service, published(&database).await).await, Source::ReadModel);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_miss_together_share_one_reading() {
    let postgres = TestDatabase::new().await;
    let database = Database::new(&postgres.url(), 1, Handle::current()).unwrap();
    let service = TotalsService::new(database.clone(), None);
    let id = published(&database).await;
    let sources = futures_util::future::join_all((0..100).map(|_| source(&service, id))).await;
    assert_eq!(sources.iter().filter(|s| **s == Source::ReadModel).count(), 1);
}
