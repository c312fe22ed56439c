//! What nobody counts, looked at every few seconds: pools, runtime, process.

use std::time::Duration;

use metrics::{counter, gauge};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::platform::{cache::RedisPool, pool::PoolStatus, postgres::Database};

/// How often gauges are sampled and histograms condensed.
const PERIOD: Duration = Duration::from_secs(5);

/// Where to look.
pub struct Sources {
    pub database: Database,
    pub redis: Option<RedisPool>,
    pub recorder: PrometheusHandle,
}

impl Sources {
    /// Samples until told to stop.
    pub async fn sample(self, stop: CancellationToken) {
        let process = metrics_process::Collector::default();
        gauge!("build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        loop {
            self.pools();
            runtime();
            process.collect();
            self.recorder.run_upkeep();
            if stop.run_until_cancelled(tokio::time::sleep(PERIOD)).await.is_none() {
                return;
            }
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "gauges are floats")]
    fn pools(&self) {
        let status = self.database.status();
        gauge!("db_pool_waiting").set(status.waiting as f64);
        pool("db_pool_connections", &status);
        if let Some(redis) = &self.redis {
            pool("redis_pool_connections", &redis.status());
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "gauges are floats")]
fn pool(name: &'static str, status: &PoolStatus) {
    let used = status.size.saturating_sub(status.available);
    for (state, connections) in
        [("idle", status.available), ("used", used), ("max", status.max_size)]
    {
        gauge!(name, "state" => state).set(connections as f64);
    }
}

/// Of the runtime that does the background work and the database's; HTTP workers have their own.
#[allow(clippy::cast_precision_loss, reason = "gauges are floats")]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole seconds, and few"
)]
fn runtime() {
    let runtime = Handle::current().metrics();
    let workers = runtime.num_workers();
    gauge!("tokio_workers").set(workers as f64);
    gauge!("tokio_alive_tasks").set(runtime.num_alive_tasks() as f64);
    gauge!("tokio_global_queue_length").set(runtime.global_queue_depth() as f64);
    let busy: f64 = (0..workers).map(|n| runtime.worker_total_busy_duration(n).as_secs_f64()).sum();
    // a counter counts whole numbers
    counter!("tokio_busy_seconds_total").absolute(busy as u64);
}
