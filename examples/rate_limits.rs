//! What counting a request costs, without a Redis: `cargo run --release --example rate_limits`.

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    time::Instant,
};

use careforall::platform::rate_limit::{Class, Key, Quota, Quotas, RateLimiter};

const REQUESTS: u32 = 1_000_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let quota = || Quota::per_minute(NonZeroU32::MAX);
    let quotas = Quotas {
        reads: quota(),
        writes: quota(),
        api_key: quota(),
        account: quota(),
        payments_of_address: quota(),
        payments_of_user: quota(),
        payments_of_source: quota(),
    };
    let limiter = RateLimiter::new(quotas, None);
    for addresses in [1, 1_000, 100_000] {
        let begun = Instant::now();
        for n in 0..REQUESTS {
            let address = IpAddr::V4(Ipv4Addr::from_bits(n % addresses));
            let standing = limiter.spend(Key::address(Class::Writes, address)).await;
            assert!(standing.retry_after.is_none(), "the limit is out of reach");
        }
        println!("{addresses:>7} addresses: {:?} a request", begun.elapsed() / REQUESTS);
    }
}
