//! The buckets of this process.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use super::{
    Key,
    bucket::{Quota, Standing},
};

/// A power of two, so that threads seldom meet at one lock.
const SHARDS: usize = 32;

/// The most buckets of a shard; half a million in all, some 25 MB.
const MOST: usize = 16 * 1024;

/// When each bucket will be full again, in microseconds since `epoch`.
type Shard = HashMap<Key, u64>;

pub struct Local {
    epoch: Instant,
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
}

impl Local {
    pub fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { epoch: Instant::now(), hasher: RandomState::new(), shards }
    }

    /// Counts a request.
    pub fn spend(&self, key: Key, quota: &Quota) -> Standing {
        let now = self.now();
        let mut shard = self.shard(key);
        let missing = shard.get(&key).map_or(0, |full| full.saturating_sub(now));
        match quota.spend(missing) {
            Some(missing) => {
                store(&mut shard, key, now + missing, now);
                quota.standing(missing, true)
            }
            None => quota.standing(missing, false),
        }
    }

    /// How the key stands, without counting anything: refused if its bucket is empty.
    pub fn peek(&self, key: Key, quota: &Quota) -> Standing {
        let now = self.now();
        let missing = self.shard(key).get(&key).map_or(0, |full| full.saturating_sub(now));
        quota.standing(missing, quota.spend(missing).is_some())
    }

    /// Takes over what all replicas together have counted.
    pub fn adopt(&self, key: Key, missing: u64) {
        let now = self.now();
        store(&mut self.shard(key), key, now + missing, now);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn shard(&self, key: Key) -> MutexGuard<'_, Shard> {
        let hash = usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or(0);
        self.shards[hash % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn store(shard: &mut Shard, key: Key, full: u64, now: u64) {
    if shard.len() >= MOST && !shard.contains_key(&key) {
        make_room(shard, now);
    }
    shard.insert(key, full);
}

/// Forgets the buckets that are full, and, should half of the shard not be free then, those that
/// are nearest to it: whoever asks the most is forgotten last.
fn make_room(shard: &mut Shard, now: u64) {
    shard.retain(|_, full| *full > now);
    if shard.len() > MOST / 2 {
        let mut times: Vec<u64> = shard.values().copied().collect();
        let (_, median, _) = times.select_nth_unstable(shard.len() / 2);
        let median = *median;
        shard.retain(|_, full| *full > median);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::platform::rate_limit::Class;

    fn key(subject: u128) -> Key {
        Key { class: Class::Reads, subject }
    }

    #[test]
    fn everybody_has_a_bucket_of_their_own() {
        let (local, quota) = (Local::new(), Quota::per_hour(NonZeroU32::MIN));
        for subject in 0..10 {
            assert_eq!(local.peek(key(subject), &quota).retry_after, None);
            assert_eq!(local.spend(key(subject), &quota).retry_after, None);
            assert!(local.spend(key(subject), &quota).retry_after.is_some());
            assert!(local.peek(key(subject), &quota).retry_after.is_some());
        }
    }

    #[test]
    fn what_the_others_have_counted_counts_here() {
        let (local, quota) = (Local::new(), Quota::per_hour(NonZeroU32::MIN));
        local.adopt(key(1), quota.period);
        assert!(local.spend(key(1), &quota).retry_after.is_some());
        local.adopt(key(1), 0);
        assert_eq!(local.spend(key(1), &quota).retry_after, None);
    }

    #[test]
    fn a_flood_of_addresses_takes_no_more_than_its_room_and_hides_nobody() {
        let mut shard = Shard::new();
        let now = 1_000;
        store(&mut shard, key(u128::MAX), now + 1_000_000, now);
        for subject in 0..100_000 {
            store(&mut shard, key(subject), now + 1 + (subject % 100) as u64, now);
            assert!(shard.len() <= MOST);
        }
        assert!(shard.contains_key(&key(u128::MAX)), "the greediest is remembered");
    }

    #[test]
    fn parallel_requests_are_all_counted() {
        let (local, quota) = (Local::new(), Quota::per_hour(NonZeroU32::new(100).unwrap()));
        let granted = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        if local.spend(key(1), &quota).retry_after.is_none() {
                            granted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(granted.into_inner(), 100);
    }
}
