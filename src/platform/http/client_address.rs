//! Who is at the other end, behind the proxies that we trust.

use std::{
    future::{Ready, ready},
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use ipnet::IpNet;

use crate::kernel::problem::{Problem, ProblemCode};

/// The networks whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(pub Arc<[IpNet]>);

/// The address of the client: the peer's, or, if that is a trusted proxy, the nearest one before it
/// that is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// `None` where the connection has no address.
    pub fn of(request: &HttpRequest) -> Option<Self> {
        let peer = request.peer_addr()?.ip();
        let proxies = request.app_data::<TrustedProxies>().map_or(&[][..], |proxies| &proxies.0);
        if proxies.is_empty() {
            return Some(Self(peer.to_canonical()));
        }
        let headers = request.headers().get_all("x-forwarded-for");
        let hops: Vec<&str> =
            headers.flat_map(|header| header.to_str().unwrap_or("?").split(',')).collect();
        Some(Self(client(peer, &hops, proxies)))
    }
}

impl FromRequest for ClientAddress {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let detail = "the connection has no address";
        ready(Self::of(request).ok_or_else(|| Problem::new(ProblemCode::Internal, detail)))
    }
}

/// Each proxy adds the address it was called from at the end; what comes before the last trusted
/// one was written by a stranger.
fn client(peer: IpAddr, hops: &[&str], proxies: &[IpNet]) -> IpAddr {
    let mut address = peer.to_canonical();
    for hop in hops.iter().rev() {
        if !proxies.iter().any(|network| network.contains(&address)) {
            break;
        }
        let Some(before) = read(hop.trim()) else { break };
        address = before.to_canonical();
    }
    address
}

fn read(hop: &str) -> Option<IpAddr> {
    let with_port = || hop.parse::<SocketAddr>().map(|address| address.ip());
    hop.parse().or_else(|_| with_port()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted: Vec<IpNet> =
            ["10.0.0.0/8", "fd00::/8"].map(|net| net.parse().unwrap()).to_vec();
        for (peer, hops, expected) in [
            ("192.0.2.1", &["198.51.100.7"][..], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["1.1.1.1", " 198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["1.1.1.1", "198.51.100.7", "10.0.0.2"], "198.51.100.7"),
            ("10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7"),
            ("::ffff:10.0.0.1", &["[2001:db8::7]:4711"], "2001:db8::7"),
            ("10.0.0.1", &["198.51.100.7", "nonsense"], "10.0.0.1"),
        ] {
            let found = client(peer.parse().unwrap(), hops, &trusted);
            assert_eq!(found.to_string(), expected, "{peer} {hops:?}");
        }
    }
}
