//! Ports for what listens where it is told to.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, TcpListener},
    sync::Mutex,
};

use rand::RngExt;

/// Those that were tried: nobody takes one that its owner has yet to bind, or is away from.
static TRIED: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// Free ports that stay free while their owner is away: below those that the kernel gives out, and
/// none twice in this process.
pub fn lasting_ports(count: usize) -> Vec<u16> {
    let mut tried = TRIED.lock().unwrap();
    let mut ports = Vec::new();
    while ports.len() < count {
        let port = rand::rng().random_range(20_000..32_000);
        if tried.insert(port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            ports.push(port);
        }
    }
    ports
}
