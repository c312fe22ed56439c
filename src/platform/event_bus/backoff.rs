//! Waiting longer and longer for a database that is away or busy.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);

/// How many times in a row something failed for a transient reason.
#[derive(Debug, Default)]
pub struct Backoff(u32);

impl Backoff {
    /// The wait after one more failure: 100 ms·2ⁿ up to 30 s, of which a random half is taken off,
    /// so that replicas do not come back in step.
    pub fn failed(&mut self) -> Duration {
        let full = FIRST.saturating_mul(1 << self.0.min(12)).min(LONGEST);
        self.0 = self.0.saturating_add(1);
        full.mul_f64(rand::random_range(0.5..=1.0))
    }

    pub fn succeeded(&mut self) {
        self.0 = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_to_thirty_seconds_with_jitter() {
        let mut backoff = Backoff::default();
        for full in [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000] {
            let wait = backoff.failed().as_millis();
            assert!((full / 2..=full).contains(&wait), "{wait} for {full}");
        }
        backoff.succeeded();
        assert!(backoff.failed().as_millis() <= 100);
    }
}
