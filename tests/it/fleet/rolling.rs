//! A new version, one replica after the other, while people give.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use serde_json::json;

use super::nginx::Balancer;
use crate::support::{
    Client, Redis, Server, TestDatabase,
    donation::{Campaign, PATIENCE, builder, new_key, promise},
    eventually,
    ports::lasting_ports,
    webhooks::Books,
};

const GIVERS: usize = 12;

struct Fleet {
    // dropped in this order
    balancer: Balancer,
    replicas: Vec<Server>,
    _redis: Redis,
    database: TestDatabase,
}

impl Fleet {
    async fn start() -> Self {
        Self::start_with("false").await
    }

    async fn start_with(rate_limit: &str) -> Self {
        let (database, redis) = (TestDatabase::new().await, Redis::start());
        let ports = lasting_ports(3);
        let replicas = ports.iter().map(|port| {
            builder()
                .database_url(database.url())
                .env("REDIS_URL", redis.url())
                .env("CAREFORALL_HTTP__BIND", format!("127.0.0.1:{port}"))
                .env("CAREFORALL_RATE_LIMIT__ENABLED", rate_limit)
                .env("CAREFORALL_RATE_LIMIT__READS_PER_IP_PER_MINUTE", READS)
                .env("CAREFORALL_HTTP__TRUSTED_PROXIES", "127.0.0.0/8")
                .start()
        });
        let replicas = futures_util::future::join_all(replicas).await;
        Self { balancer: Balancer::start(&ports), replicas, _redis: redis, database }
    }

    fn client(&self) -> Client {
        Client::new(self.balancer.base())
    }
}

/// How much a client may read in a minute, where limits are on.
const READS: u32 = 30;

/// What the load has seen.
#[derive(Default)]
struct Tally {
    done: AtomicBool,
    pledges: AtomicU32,
    reads: AtomicU32,
}

impl Tally {
    fn go_on(&self) -> bool {
        !self.done.load(Ordering::SeqCst)
    }
}

/// Gives and looks, again and again. One answer that is no success fails the test.
async fn give(client: &Client, campaign: &Campaign, tally: &Tally) {
    while tally.go_on() {
        promise(client, &new_key(), &campaign.gift(100)).await.expect(201);
        tally.pledges.fetch_add(1, Ordering::SeqCst);
        client.get(&campaign.path()).send().await.expect(200);
        tally.reads.fetch_add(1, Ordering::SeqCst);
    }
}

/// What the container's health check does, more often.
async fn probe(client: &Client, tally: &Tally) {
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    while tally.go_on() {
        tick.tick().await;
        client.get("/readyz").send().await.expect(200);
    }
}

/// As an orchestrator changes versions: told to stop, ended, started, ready, and back in rotation
/// before the next one's turn.
async fn replace(replica: &mut Server) {
    replica.sigterm();
    let status = replica.ended(Duration::from_mins(1)).await;
    assert_eq!(status.code(), Some(0), "{status}");
    replica.start_again().await;
    let metrics = format!("{}/metrics", replica.metrics_base());
    eventually(PATIENCE, async || {
        let text = reqwest::get(&metrics).await.unwrap().text().await.unwrap();
        text.contains(r#"route="/api/v1/pledges",status="201""#)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_are_replaced_under_load_without_one_failed_request() {
    let mut fleet = Fleet::start().await;
    let client = fleet.client();
    let campaign = Campaign::open(&client).await;
    let tally = Tally::default();
    let load = (0..GIVERS).map(|_| give(&client, &campaign, &tally));
    let load = futures_util::future::join_all(load);
    let roll = async {
        eventually(PATIENCE, async || tally.pledges.load(Ordering::SeqCst) > 50).await;
        for replica in &mut fleet.replicas {
            replace(replica).await;
        }
        tally.done.store(true, Ordering::SeqCst);
    };
    futures_util::join!(load, probe(&client, &tally), roll);

    let pledges = i64::from(tally.pledges.load(Ordering::SeqCst));
    let reads = tally.reads.load(Ordering::SeqCst);
    println!("{pledges} gifts and {reads} reads while three replicas were replaced; none failed");
    let books = Books::open(&fleet.database.url()).await;
    assert_eq!(books.count("pledge.pledges").await, pledges, "each gift is there once");
    campaign.totals_become(&client, json!({ "pledged_minor": 100 * pledges })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_and_ids_reach_the_replicas_and_nobody_makes_them_up() {
    let fleet = Fleet::start_with("true").await;
    let client = fleet.client();
    let mut left = Vec::new();
    for number in 1..=12 {
        let claimed = format!("192.0.2.{number}");
        let list = client.get("/api/v1/campaigns").header("x-forwarded-for", claimed).send().await;
        left.push(list.expect(200).header("ratelimit-remaining").unwrap().parse::<u32>().unwrap());
    }
    // on a busy machine Redis may be too slow, and each replica counts its third alone; and one
    // comes back every two seconds
    let least = left.iter().min().unwrap();
    assert!(*least < READS - 1, "one client, whatever it claims: {left:?}");

    let named = client.get("/livez").header("x-request-id", "from-the-client-1").send().await;
    assert_eq!(named.header("x-request-id"), Some("from-the-client-1"));
    let unnamed = client.get("/livez").send().await;
    assert_eq!(unnamed.header("x-request-id").map(str::len), Some(32), "nginx gave one");
    // the id is nginx' too when no replica is there to answer
    for replica in &fleet.replicas {
        replica.sigterm();
    }
    let refused = eventually(PATIENCE, async || {
        let answer = client.get("/livez").header("x-request-id", "mine").send().await;
        (answer.status == 503).then_some(answer)
    })
    .await;
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert_eq!(refused.header("x-request-id"), Some("mine"));
    assert_eq!(
        (refused.text("code"), refused.header("retry-after")),
        ("overloaded".into(), Some("1"))
    );
}
