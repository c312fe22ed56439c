//! Everything at once: two replicas behind nginx under load, while whatever they stand on breaks.
//!
//! Donors promise, pay, take it back, repeat themselves and lose patience; an administrator refunds;
//! meanwhile replicas are killed and frozen, in longer runs beyond all their leases, Postgres and
//! Redis go away, the bank fails, hangs or is late, and webhooks are lost and doubled. Then it is
//! quiet, and all books have to tell the same story as the clients'.
//!
//! `CAREFORALL_DEV_CHAOS_SECONDS`: how long (12); `CAREFORALL_DEV_CHAOS_SEED`: which faults, what
//! load. A seed repeats the plan, not the timing.

mod cluster;
mod donors;
mod faults;
mod proof;

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use self::{cluster::Cluster, donors::Donor, faults::Faults};

const DONORS: u64 = 6;

fn setting(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_whatever_breaks() {
    let seconds = setting("CAREFORALL_DEV_CHAOS_SECONDS").unwrap_or(12);
    let seed = setting("CAREFORALL_DEV_CHAOS_SEED").unwrap_or_else(rand::random);
    println!("chaos: {seconds} s, seed {seed}");
    let mut cluster = Cluster::start().await;
    let town = cluster.town().await;
    let end = Instant::now() + Duration::from_secs(seconds);
    let donors = join_all((0..DONORS).map(|number| {
        let donor = Donor::new(town.clone(), seed.wrapping_add(number), end);
        tokio::spawn(donor.live())
    }));
    let mut faults = Faults::new(seed, end);
    faults.rage(&mut cluster).await;
    let books: Vec<_> = donors.await.into_iter().flat_map(|donor| donor.unwrap().books).collect();
    proof::hold(&cluster, &town, &faults, books).await;
}
