//! Two replicas, one Postgres, one Redis, one nginx.

use crate::support::{
    Client, Nginx, OwnPostgres, Redis, Server,
    donation::{Campaign, builder, sign_up_admin},
    ports::lasting_ports,
};

pub struct Cluster {
    // dropped in this order
    pub nginx: Nginx,
    pub replicas: Vec<Server>,
    pub redis: Redis,
    pub postgres: OwnPostgres,
    pub url: String,
}

/// What donors need to know of it.
#[derive(Clone)]
pub struct Town {
    /// nginx, then each replica.
    pub doors: Vec<Client>,
    pub campaign: Campaign,
    pub admin: String,
}

impl Cluster {
    pub async fn start() -> Self {
        let postgres = OwnPostgres::start();
        let (redis, ports) = (Redis::start(), lasting_ports(2));
        let (nginx, url) = (Nginx::start(&ports), postgres.url("careforall"));
        let mut replicas = Vec::new();
        for port in ports {
            let replica = builder()
                .database_url(&url)
                .env("REDIS_URL", redis.url())
                .env("CAREFORALL_HTTP__BIND", format!("127.0.0.1:{port}"))
                .env(
                    "CAREFORALL_SANDBOX__WEBHOOK_URL",
                    format!("{}/api/v1/webhooks/sandbox", nginx.base()),
                )
                // as patient as in production
                .env("CAREFORALL_REDIS__PATIENCE_MS", "50")
                .env("CAREFORALL_PAYMENTS__WEBHOOK_COMMIT_SECONDS", "2")
                // what takes minutes in production takes seconds here
                .env("CAREFORALL_SWEEPER__EVERY_SECONDS", "1")
                .env("CAREFORALL_SWEEPER__PENDING_AFTER_SECONDS", "2")
                .env("CAREFORALL_SWEEPER__BACKOFF_SECONDS", "1")
                .env("CAREFORALL_SWEEPER__EVENTS_EVERY_SECONDS", "1")
                .env("CAREFORALL_BREAKER__OPEN_SECONDS", "1");
            replicas.push(replica.start().await);
        }
        Self { nginx, replicas, redis, postgres, url }
    }

    /// A campaign, an administrator, and the ways in.
    pub async fn town(&self) -> Town {
        let front = Client::new(self.nginx.base());
        let campaign = Campaign::open(&front).await;
        let admin = sign_up_admin(&front, &self.url).await;
        let replicas = self.replicas.iter().map(Server::client);
        Town { doors: std::iter::once(front).chain(replicas).collect(), campaign, admin }
    }
}
