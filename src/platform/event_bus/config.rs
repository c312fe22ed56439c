//! The bus's dials. The defaults are the measured ones.

use std::time::Duration;

/// How the bus of one replica behaves.
#[derive(Debug, Clone)]
pub struct BusConfig {
    /// The least time between two passes that did not fill their batch: what arrives meanwhile
    /// shares one.
    pub busy_tick: Duration,
    /// How soon a replica looks for work that nobody told it of. While it finds nothing the time
    /// doubles,
    pub idle_tick: Duration,
    /// up to this.
    pub longest_idle_tick: Duration,
    /// How long the work is left to another replica after it was heard to be at it.
    pub deference: Duration,
    /// How many events one pass of the sequencer moves.
    pub sequencer_batch: i32,
    /// How many events one pass of a consumer applies at most.
    pub window: i64,
    /// How many partitions one pass of a consumer claims.
    pub max_partitions: i32,
    /// The failure at which an aggregate's events become dead letters.
    pub max_attempts: i32,
    /// The wait after the first failure; it doubles with each further one.
    pub parked_backoff: Duration,
    /// How long passed events stay in the log.
    pub retention: Duration,
    /// How often the gauges are sampled.
    pub sample_every: Duration,
    /// How often the outbox is searched below the floor, and the log tended.
    pub sweep_every: Duration,
}

impl Default for BusConfig {
    fn default() -> Self {
        Self {
            busy_tick: Duration::from_millis(50),
            idle_tick: Duration::from_millis(250),
            longest_idle_tick: Duration::from_secs(1),
            deference: Duration::from_millis(100),
            sequencer_batch: 1000,
            window: 1000,
            max_partitions: 32,
            max_attempts: 8,
            parked_backoff: Duration::from_secs(1),
            retention: Duration::from_hours(7 * 24),
            sample_every: Duration::from_secs(5),
            sweep_every: Duration::from_mins(1),
        }
    }
}
