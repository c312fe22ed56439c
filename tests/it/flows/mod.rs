//! Whole donations, from outside: what a donor, a bank and a failing machine may do to them.

mod addresses;
mod cancelling;
mod crashes;
mod declines;
mod donations;
mod faults;
mod giving;
mod history;
mod joined;
mod keys;
mod late;
mod order_of_checks;
mod outages;
mod parallel;
mod paying;
mod pledging;
mod races;
mod replays;
mod room;
mod stopping;
mod together;
mod visibility;
mod zombies;

use crate::support::{Client, Redis, Server, donation::builder};

/// Servers over one database.
struct Replicas {
    servers: Vec<Server>,
    redis: Option<Redis>,
}

impl Replicas {
    async fn start(n: usize, with_redis: bool) -> Self {
        let redis = with_redis.then(Redis::start);
        let configured = || match &redis {
            // one that hangs is soon done without
            Some(redis) => {
                builder().env("REDIS_URL", redis.url()).env("CAREFORALL_REDIS__PATIENCE_MS", 50)
            }
            None => builder(),
        };
        let mut servers = vec![configured().start().await];
        for _ in 1..n {
            let url = servers[0].database().url();
            servers.push(configured().database_url(url).start().await);
        }
        Self { servers, redis }
    }

    fn client(&self) -> Client {
        self.servers[0].client()
    }

    /// Of each in turn.
    fn clients(&self, n: usize) -> Vec<Client> {
        let clients: Vec<_> = self.servers.iter().map(Server::client).collect();
        clients.into_iter().cycle().take(n).collect()
    }

    async fn count(&self, sql: &str) -> i64 {
        count(&self.servers[0].database().url(), sql).await
    }
}

/// The number that this query gives.
async fn count(url: &str, sql: &str) -> i64 {
    let client = crate::support::postgres::connect(url).await.unwrap();
    client.query_one(sql, &[]).await.unwrap().get(0)
}

const PLEDGES: &str = "SELECT count(*) FROM pledge.pledges";
const PAYMENTS: &str = "SELECT count(*) FROM payment.payments";
