//! Addresses of the internet, as far as they tell who somebody is.

use std::net::{IpAddr, Ipv6Addr};

/// The part of an address that tells one household from another: whoever has one IPv6 address has
/// the 2^64 beside it.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}
