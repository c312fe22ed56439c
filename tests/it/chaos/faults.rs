//! What breaks, in an order that the seed decides. At the end all of it is whole again.

use std::{collections::BTreeMap, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::json;
use tokio::{
    task::block_in_place,
    time::{Instant, sleep},
};

use super::cluster::Cluster;
use crate::support::Client;

#[derive(Debug, Clone, Copy)]
enum Fault {
    Kill,
    KillBoth,
    Freeze,
    FreezeLong,
    RestartPostgres,
    CrashPostgres,
    StopRedis,
    FlushRedis,
    BankFails,
}

const ALL: [Fault; 9] = [
    Fault::Kill,
    Fault::KillBoth,
    Fault::Freeze,
    Fault::FreezeLong,
    Fault::RestartPostgres,
    Fault::CrashPostgres,
    Fault::StopRedis,
    Fault::FlushRedis,
    Fault::BankFails,
];

pub struct Faults {
    rng: StdRng,
    end: Instant,
    /// How often each kind was injected.
    pub counts: BTreeMap<&'static str, usize>,
}

impl Faults {
    pub fn new(seed: u64, end: Instant) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), end, counts: BTreeMap::new() }
    }

    /// Rounds of all kinds, each round in another order, until the time is over.
    pub async fn rage(&mut self, cluster: &mut Cluster) {
        loop {
            let mut round = ALL;
            round.shuffle(&mut self.rng);
            for fault in round {
                self.pause(100..600).await;
                if Instant::now() >= self.end {
                    return;
                }
                self.inject(fault, cluster).await;
            }
        }
    }

    /// So long does the world go on as it is.
    async fn pause(&mut self, milliseconds: std::ops::Range<u64>) {
        sleep(Duration::from_millis(self.rng.random_range(milliseconds))).await;
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    async fn inject(&mut self, fault: Fault, cluster: &mut Cluster) {
        let one = self.rng.random_range(0..cluster.replicas.len());
        match fault {
            Fault::Kill => {
                self.count("kill -9 of a replica");
                cluster.replicas[one].kill9();
                self.pause(0..800).await;
                cluster.replicas[one].start_again().await;
            }
            Fault::KillBoth => {
                for replica in &mut cluster.replicas {
                    self.count("kill -9 of a replica");
                    replica.kill9();
                }
                for replica in &mut cluster.replicas {
                    replica.start_again().await;
                }
            }
            Fault::Freeze => {
                self.count("SIGSTOP of a replica");
                cluster.replicas[one].stop();
                self.pause(300..3000).await;
                cluster.replicas[one].cont();
            }
            Fault::FreezeLong => self.freeze_long(one, cluster).await,
            Fault::RestartPostgres | Fault::CrashPostgres => self.postgres(fault, cluster).await,
            Fault::StopRedis => {
                self.count("Redis stopped");
                block_in_place(|| cluster.redis.stop());
                self.pause(200..1500).await;
                block_in_place(|| cluster.redis.start_again());
            }
            Fault::FlushRedis => {
                self.count("Redis flushed");
                block_in_place(|| cluster.redis.command("FLUSHALL").unwrap());
            }
            Fault::BankFails => self.bank(&cluster.replicas[one].client()).await,
        }
    }

    /// Past the lease of a consumer (15 s), often past that of a request (30 s): others go on with
    /// its work, and it wakes up in the middle of it.
    async fn freeze_long(&mut self, one: usize, cluster: &Cluster) {
        let time = Duration::from_secs(self.rng.random_range(17..36));
        if Instant::now() + time < self.end {
            self.count("SIGSTOP past its leases");
            cluster.replicas[one].stop();
            sleep(time).await;
            cluster.replicas[one].cont();
        }
    }

    async fn postgres(&mut self, fault: Fault, cluster: &mut Cluster) {
        if matches!(fault, Fault::CrashPostgres) {
            self.count("Postgres killed");
            block_in_place(|| cluster.postgres.kill());
        } else {
            self.count("Postgres restarted");
            block_in_place(|| cluster.postgres.stop());
        }
        self.pause(0..500).await;
        block_in_place(|| cluster.postgres.start_again());
    }

    async fn bank(&mut self, client: &Client) {
        let operations = ["create", "create", "refund", "cancel", "retrieve", "find", "events"];
        let operation = operations[self.rng.random_range(0..operations.len())];
        let (kind, what, most) = match self.rng.random_range(0..5) {
            0 => ("fail", "bank fails", 6),
            1 => ("lose_answer", "bank's answer lost", 6),
            2 => ("delay", "bank is slow", 6),
            // longer than anybody waits for it
            3 if operation == "create" => ("late", "bank does it too late", 3),
            _ => ("hang", "bank never answers", 3),
        };
        let times = self.rng.random_range(1..most);
        let fault =
            json!({ "operation": operation, "kind": kind, "times": times, "delay_ms": 700 });
        // it may be away just now
        let answer = client.post("/api/v1/sandbox/faults").json(fault).try_send().await;
        if answer.is_ok_and(|answer| answer.status == 201) {
            *self.counts.entry(what).or_default() += times;
        }
    }
}
