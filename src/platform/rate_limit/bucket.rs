//! The arithmetic of one bucket (the generic cell rate algorithm).
//!
//! A bucket's whole state is one time: when it will be full again. Each request moves it by one
//! interval; a request that would move it further than a period ahead is refused, and moves nothing.

use std::num::NonZeroU32;

/// So many requests at once, and as many per period in the long run.
#[derive(Debug, Clone, Copy)]
pub struct Quota {
    pub limit: u32,
    /// Microseconds in which an empty bucket becomes full.
    pub period: u64,
    /// Microseconds for one request.
    pub interval: u64,
}

const SECOND: u64 = 1_000_000;

impl Quota {
    pub fn per_minute(limit: NonZeroU32) -> Self {
        Self::new(limit, 60 * SECOND)
    }

    pub fn per_hour(limit: NonZeroU32) -> Self {
        Self::new(limit, 3_600 * SECOND)
    }

    fn new(limit: NonZeroU32, period: u64) -> Self {
        Self { limit: limit.get(), period, interval: (period / u64::from(limit.get())).max(1) }
    }

    /// What is missing from a bucket after one more request, in microseconds until it is full.
    /// `None`: it is empty.
    pub fn spend(&self, missing: u64) -> Option<u64> {
        Some(missing + self.interval).filter(|missing| *missing <= self.period)
    }

    /// What a client is told about a bucket of which this is missing.
    pub fn standing(&self, missing: u64, granted: bool) -> Standing {
        let left = self.period.saturating_sub(missing) / self.interval;
        let wait = (missing + self.interval).saturating_sub(self.period);
        Standing {
            limit: self.limit,
            remaining: u32::try_from(left).unwrap_or(u32::MAX).min(self.limit),
            reset: seconds(missing),
            retry_after: (!granted).then(|| seconds(wait).max(1)),
        }
    }
}

/// Rounded up.
fn seconds(micros: u64) -> u32 {
    u32::try_from(micros.div_ceil(SECOND)).unwrap_or(u32::MAX)
}

/// How a client stands with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub limit: u32,
    /// Requests that would be granted now.
    pub remaining: u32,
    /// Seconds until all of the limit is there again.
    pub reset: u32,
    /// The request was refused; the next is granted after so many seconds.
    pub retry_after: Option<u32>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quota(limit: u32) -> Quota {
        Quota::per_minute(NonZeroU32::new(limit).unwrap())
    }

    #[test]
    fn a_full_bucket_grants_its_limit_and_then_one_per_interval() {
        let quota = quota(3);
        let mut missing = 0;
        for left in [2, 1, 0] {
            missing = quota.spend(missing).unwrap();
            assert_eq!(quota.standing(missing, true).remaining, left);
        }
        assert_eq!(quota.spend(missing), None);
        let refused = quota.standing(missing, false);
        assert_eq!((refused.reset, refused.retry_after), (60, Some(20)));
        assert_eq!(quota.spend(missing - 19 * SECOND), None);
        assert_eq!(quota.spend(missing - 20 * SECOND), Some(60 * SECOND));
    }

    proptest! {
        /// From full, exactly the limit passes at once; over any stretch of time at most the
        /// limit and what flows in meanwhile.
        #[test]
        fn no_stretch_of_time_grants_more(limit in 1_u32..2_000, steps in prop::collection::vec(0_u64..400_000, 1..400)) {
            let quota = quota(limit);
            let (mut missing, mut elapsed, mut granted) = (0_u64, 0_u64, 0_u64);
            for step in steps {
                elapsed += step;
                missing = missing.saturating_sub(step);
                if let Some(next) = quota.spend(missing) {
                    missing = next;
                    granted += 1;
                }
                // the interval is rounded down, so that the whole limit fits into the period
                prop_assert!(granted <= (quota.period + elapsed) / quota.interval);
            }
        }
    }
}
