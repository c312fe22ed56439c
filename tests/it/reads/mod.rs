//! Visitors read from a streaming standby while it is fresh, everybody else from the primary; and
//! nobody notices when the standby is behind or away.

mod fallback;
mod freshness;

use serde_json::{Value, json};

use crate::support::{
    OwnPostgres, Server,
    donation::{Campaign, PATIENCE, builder},
    eventually, postgres, standby,
};

/// A server, its primary and its standby.
struct World {
    // dropped in this order
    server: Server,
    standby: OwnPostgres,
    primary: OwnPostgres,
}

impl World {
    /// The standby is asked unless it is older than this.
    async fn start(max_lag_seconds: u32) -> Self {
        let primary = OwnPostgres::start();
        let standby = standby::of(&primary).await;
        let server = builder()
            .database_url(primary.url("careforall"))
            .env("DATABASE_REPLICA_URL", standby.url("careforall"))
            .env("CAREFORALL_DATABASE__REPLICA_MAX_LAG_SECONDS", max_lag_seconds)
            .start()
            .await;
        Self { server, standby, primary }
    }

    /// A campaign that the standby has too.
    async fn campaign(&self) -> Campaign {
        let campaign = Campaign::open(&self.server.client()).await;
        self.served_by("replica", &campaign).await;
        campaign
    }

    /// Waits until a visitor's read is answered by the one or the other.
    async fn served_by(&self, who: &str, campaign: &Campaign) {
        let before = self.answered_by(who).await;
        eventually(PATIENCE, async || {
            self.visit(campaign).await;
            self.answered_by(who).await > before
        })
        .await;
    }

    /// How many reads the standby (`replica`) or the `primary` has answered.
    async fn answered_by(&self, who: &str) -> u64 {
        let text = self.server.metrics_text().await;
        let name = format!("db_replica_reads_total{{outcome=\"{who}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&name));
        line.map_or(0, |count| count.parse().unwrap())
    }

    /// The campaign as somebody without credentials sees it.
    async fn visit(&self, campaign: &Campaign) -> Value {
        self.server.client().get(&campaign.path()).send().await.expect(200).body
    }

    /// What is committed from now on does not show at the standby.
    async fn pause_replay(&self) {
        postgres::execute(&self.standby.url("postgres"), "SELECT pg_wal_replay_pause()");
        let client = postgres::connect(&self.standby.url("postgres")).await.unwrap();
        let state = "SELECT pg_get_wal_replay_pause_state() = 'paused'";
        eventually(PATIENCE, async || {
            client.query_one(state, &[]).await.unwrap().get::<_, bool>(0)
        })
        .await;
    }

    fn resume_replay(&self) {
        postgres::execute(&self.standby.url("postgres"), "SELECT pg_wal_replay_resume()");
    }

    async fn rename(&self, campaign: &Campaign, title: &str) {
        campaign.revise(&self.server.client(), json!({ "title": title })).await;
    }
}

/// Long enough that a standby that stands still counts as fresh throughout a test.
const HOUR: u32 = 3_600;
