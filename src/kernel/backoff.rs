//! How long an intent waits for its next attempt.

use chrono::TimeDelta;

/// 1 s after the first failed attempt, doubling with each further one, 15 min at most.
pub fn wait_after(failed_attempts: i32) -> TimeDelta {
    TimeDelta::seconds(1 << (failed_attempts - 1).clamp(0, 10)).min(TimeDelta::minutes(15))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_from_a_second_to_a_quarter_of_an_hour() {
        let waits = [0, 1, 2, 3, 10, 11, i32::MAX].map(|n| wait_after(n).num_seconds());
        assert_eq!(waits, [1, 1, 2, 4, 512, 900, 900]);
    }
}
