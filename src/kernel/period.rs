//! A span of time as a filter of lists that are ordered by time-ordered ids.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// From `from` on, and before `to`; either may be open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
}

/// A row's id and its time are made by the same process at nearly the same moment. So far apart
/// they never are: the ids only bound the scan of the index, and the time itself decides.
const APART: TimeDelta = TimeDelta::minutes(1);

impl Period {
    /// No id of a row in this period is below this.
    pub fn lowest_id(self) -> Uuid {
        self.from.map_or(Uuid::nil(), |from| Uuid::from_u128(millis(from - APART) << 80))
    }

    /// No id of a row in this period is above this.
    pub fn highest_id(self) -> Uuid {
        let below = |to| (millis(to) << 80) | (u128::MAX >> 48);
        self.to.map_or(Uuid::max(), |to| Uuid::from_u128(below(to + APART)))
    }
}

/// The 48 bits with which a UUIDv7 of this time begins.
fn millis(at: DateTime<Utc>) -> u128 {
    u128::try_from(at.timestamp_millis().clamp(0, (1 << 48) - 1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::clock;

    #[test]
    fn the_ids_of_a_period_lie_between_its_bounds() {
        let (before, id, after) = (clock::now(), clock::new_id(), clock::now());
        let around = Period { from: Some(before), to: Some(after) };
        assert!((around.lowest_id()..=around.highest_id()).contains(&id));
        let (hour, long_ago) = (TimeDelta::hours(1), DateTime::<Utc>::MIN_UTC + APART);
        assert!(Period { from: Some(after + hour), to: None }.lowest_id() > id);
        assert!(Period { from: None, to: Some(before - hour) }.highest_id() < id);
        assert_eq!(Period { from: Some(long_ago), to: None }.lowest_id(), Uuid::nil());
        assert_eq!(Period::default().highest_id(), Uuid::max());
    }
}
