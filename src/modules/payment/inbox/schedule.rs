//! When a deferred webhook is tried again.

use std::time::Duration;

const FIRST: [u64; 6] = [1, 2, 5, 15, 60, 300];
const HOUR: u64 = 3600;
const HOURLY: i32 = 72;

/// The wait after so many attempts (the first is 1): 1, 2, 5, 15, 60 s, 5 min, then hourly to 72 h.
/// `None`: it has waited long enough, and is dead.
pub fn delay(attempts: i32) -> Option<Duration> {
    let step = usize::try_from(attempts - 1).unwrap_or(0);
    match FIRST.get(step) {
        Some(seconds) => Some(Duration::from_secs(*seconds)),
        None if step < FIRST.len() + usize::try_from(HOURLY).unwrap_or(0) => {
            Some(Duration::from_secs(HOUR))
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_for_three_days_and_no_longer() {
        let waits: Vec<u64> = (1..).map_while(delay).map(|d| d.as_secs()).collect();
        assert_eq!(waits[..7], [1, 2, 5, 15, 60, 300, 3600]);
        let total: u64 = waits.iter().sum();
        assert!((72 * HOUR..73 * HOUR).contains(&total), "{total}");
    }
}
