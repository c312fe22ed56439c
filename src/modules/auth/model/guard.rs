//! How fast passwords may be guessed.
//!
//! Every try spends from three buckets: that of the account seen from this address, that of the
//! account, and that of the address. Buckets refill with time, so nothing is ever locked: whoever
//! finds one empty waits for its next drop, a minute at most. A sign-in that succeeds gives back
//! what it has spent. From an address from which somebody has signed in to this account before,
//! only the first bucket counts: strangers who keep guessing slow each other down, and not the
//! account's owner at home.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use crate::kernel::{address::network, email::Email};

/// A bucket: so many tries at once, and one more after each `drop`.
#[derive(Debug, Clone, Copy)]
struct Limit {
    tries: i32,
    drop: TimeDelta,
}

const LIMITS: [Limit; 3] = [
    Limit { tries: 10, drop: TimeDelta::seconds(30) },
    Limit { tries: 50, drop: TimeDelta::seconds(60) },
    Limit { tries: 100, drop: TimeDelta::seconds(6) },
];

/// How long an address is trusted after a sign-in.
pub const TRUST: TimeDelta = TimeDelta::days(90);

/// Whose the three buckets are: account and address, account, address. Hashes, so that the table
/// is no list of who was where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys(pub [Vec<u8>; 3]);

impl Keys {
    pub fn new(account: &Email, address: IpAddr) -> Self {
        let (account, address) = (account.as_str(), network(address).to_string());
        let key = |parts: &[&str]| Sha256::digest(parts.join("\n")).to_vec();
        Self([
            key(&["both", account, &address]),
            key(&["account", account]),
            key(&["address", &address]),
        ])
    }
}

/// The state of the three buckets: until when what was spent is not refilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buckets {
    pub spent_until: [DateTime<Utc>; 3],
    /// When somebody last signed in to the account from the address.
    pub trusted_at: Option<DateTime<Utc>>,
}

impl Buckets {
    /// After one more try, or how long to wait before it.
    pub fn spend(&self, now: DateTime<Utc>) -> Result<Self, TimeDelta> {
        let trusted = self.trusted_at.is_some_and(|at| now - at < TRUST);
        let counting = if trusted { 1 } else { LIMITS.len() };
        let wait = |(limit, until): (&Limit, &DateTime<Utc>)| {
            *until - now - limit.drop * (limit.tries - 1)
        };
        let longest = LIMITS.iter().zip(&self.spent_until).take(counting).map(wait).max();
        match longest {
            Some(wait) if wait > TimeDelta::zero() => Err(wait),
            _ => Ok(self.each(|limit, until| until.max(now) + limit.drop)),
        }
    }

    /// After the try has turned out to be its owner's.
    #[must_use]
    pub fn give_back(&self, now: DateTime<Utc>) -> Self {
        let mut back = self.each(|limit, until| until - limit.drop);
        back.spent_until[0] = now;
        Self { trusted_at: Some(now), ..back }
    }

    fn each(&self, change: impl Fn(&Limit, DateTime<Utc>) -> DateTime<Utc>) -> Self {
        let [both, account, address] = self.spent_until;
        let [a, b, c] = &LIMITS;
        let spent_until = [change(a, both), change(b, account), change(c, address)];
        Self { spent_until, ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::clock;

    fn fresh(now: DateTime<Utc>) -> Buckets {
        Buckets { spent_until: [now; 3], trusted_at: None }
    }

    /// As many tries as pass, and the wait for the next.
    fn exhaust(mut buckets: Buckets, now: DateTime<Utc>) -> (usize, TimeDelta, Buckets) {
        for tries in 0.. {
            match buckets.spend(now) {
                Ok(next) => buckets = next,
                Err(wait) => return (tries, wait, buckets),
            }
        }
        unreachable!()
    }

    #[test]
    fn ten_tries_from_one_place_then_one_every_half_minute() {
        let now = clock::now();
        let (tries, wait, spent) = exhaust(fresh(now), now);
        assert_eq!((tries, wait), (10, TimeDelta::seconds(30)));
        let later = now + wait;
        let (tries, wait, _) = exhaust(spent, later);
        assert_eq!((tries, wait), (1, TimeDelta::seconds(30)));
        let (tries, _, _) = exhaust(spent, now + TimeDelta::minutes(5));
        assert_eq!(tries, 10, "all is refilled");
    }

    #[test]
    fn many_strangers_are_one_crowd_and_nobody_waits_longer_than_a_minute() {
        let now = clock::now();
        let mut account = now;
        for stranger in 0..1000 {
            let own = Buckets { spent_until: [now, account, now], trusted_at: None };
            match own.spend(now) {
                Ok(next) => account = next.spent_until[1],
                Err(wait) => assert!(stranger >= 50 && wait <= TimeDelta::minutes(1)),
            }
        }
        assert_eq!(account - now, TimeDelta::minutes(50), "fifty tries, and no more");
    }

    #[test]
    fn strangers_do_not_keep_the_owner_out() {
        let now = clock::now();
        let spent = now + TimeDelta::days(1);
        let home = |trusted_at| Buckets { spent_until: [now, spent, spent], trusted_at };
        assert!(home(None).spend(now).is_err());
        assert!(home(Some(now - TRUST)).spend(now).is_err());
        assert!(home(Some(now - TimeDelta::days(89))).spend(now).is_ok());
    }

    #[test]
    fn who_signs_in_has_spent_nothing() {
        let now = clock::now();
        let after = fresh(now).spend(now).unwrap().give_back(now);
        assert_eq!(after, Buckets { trusted_at: Some(now), ..fresh(now) });
    }

    #[test]
    fn one_house_is_one_address() {
        let ada: Email = "ada@example.org".parse().unwrap();
        let keys = |text: &str| Keys::new(&ada, text.parse().unwrap());
        assert_eq!(keys("2001:db8:1:2::3"), keys("2001:db8:1:2:ffff::1"));
        assert_ne!(keys("2001:db8:1:2::3"), keys("2001:db8:1:3::3"));
        assert_eq!(keys("::ffff:192.0.2.1"), keys("192.0.2.1"));
        assert_ne!(keys("192.0.2.2"), keys("192.0.2.1"));
        let Keys(own) = keys("192.0.2.1");
        assert!(own[0] != own[1] && own[1] != own[2]);
    }
}
