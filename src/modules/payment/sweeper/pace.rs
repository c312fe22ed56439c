//! How old what has not been heard of becomes before its provider is asked, and how often.

use std::time::Duration;

use chrono::TimeDelta;

/// The longest wait between two looks at the same payment.
const LONGEST: TimeDelta = TimeDelta::hours(6);

#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between two looks for what is due.
    pub every: Duration,
    /// The age at which a pending payment is asked about
    pub pending_after: TimeDelta,
    /// and an unpaid payment is given up.
    pub abandon_after: TimeDelta,
    /// The first wait between two looks at the same payment.
    pub backoff: TimeDelta,
    /// Between two readings of a provider's events.
    pub events_every: TimeDelta,
    /// The stretch of time that is compared with a provider's books at once.
    pub reconcile_every: TimeDelta,
    /// What happened so long ago is in both books, if it is in one: webhooks have arrived.
    pub settle: TimeDelta,
    /// Between two payments that are asked about.
    pub gap: Duration,
}

impl Pace {
    /// The wait after so many looks, the first of which is 1: doubling, up to 6 hours.
    pub fn wait(&self, looks: i32) -> TimeDelta {
        let doublings = u32::try_from(looks - 1).unwrap_or(0).min(20);
        let wait = self.backoff.checked_mul(1 << doublings).unwrap_or(LONGEST);
        wait.min(LONGEST.max(self.backoff))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_is_looked_at_less_and_less_often_but_four_times_a_day() {
        let minute = TimeDelta::minutes(1);
        let pace = Pace {
            every: Duration::ZERO,
            pending_after: minute,
            abandon_after: minute,
            backoff: minute,
            events_every: minute,
            reconcile_every: minute,
            settle: minute,
            gap: Duration::ZERO,
        };
        let waits = [1, 2, 3, 9, 10, 1000, i32::MAX].map(|looks| pace.wait(looks).num_minutes());
        assert_eq!(waits, [1, 2, 4, 256, 360, 360, 360]);
    }
}
