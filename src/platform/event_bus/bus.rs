//! The handle that producers hold.

use std::{
    cmp::Ordering,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// Tells the other replicas that there is work, and by the number of the bus that says so, who is
/// at it. May be lost: then several are at it, or one looks later. Called at most once a tick; must
/// return at once and must not fail.
pub trait Peers: Send + Sync + 'static {
    fn tell(&self, who: u64);
}

/// Wakes the bus of this process, and knows whether another one is at work.
#[derive(Clone)]
pub struct EventBus {
    shared: Arc<Shared>,
}

struct Shared {
    local: Notify,
    who: u64,
    peers: Option<Box<dyn Peers>>,
    /// When a replica with a smaller number was last heard to be at work.
    elder: Mutex<Option<Instant>>,
}

impl Default for EventBus {
    fn default() -> Self {
        Self::new()
    }
}

impl EventBus {
    /// A bus of one process, or of several that do not hear of each other: each does all that it
    /// finds to do.
    pub fn new() -> Self {
        Self::of(None)
    }

    /// A bus that hears of other replicas, and leaves the work to one of those that have it.
    pub fn with_peers(peers: impl Peers) -> Self {
        Self::of(Some(Box::new(peers)))
    }

    fn of(peers: Option<Box<dyn Peers>>) -> Self {
        // zero and the highest are nobody's
        let who = rand::random_range(1..u64::MAX);
        Self {
            shared: Arc::new(Shared { local: Notify::new(), who, peers, elder: Mutex::default() }),
        }
    }

    /// To be called after the commit of a transaction that published. Cheap, and calls between two
    /// ticks count as one.
    pub fn wake(&self) {
        self.shared.local.notify_one();
    }

    /// To be called when it is heard that there is work: of all that live, the bus with the smallest
    /// number is to do it.
    pub fn heard(&self, who: u64) {
        match who.cmp(&self.shared.who) {
            Ordering::Less => *self.elder() = Some(Instant::now()),
            // what this one said itself
            Ordering::Equal => {}
            Ordering::Greater => self.wake(),
        }
    }

    pub(super) async fn woken(&self) {
        self.shared.local.notified().await;
    }

    /// Events were moved here, or are to be.
    pub(super) fn tell_peers(&self) {
        if let Some(peers) = &self.shared.peers {
            peers.tell(self.shared.who);
        }
    }

    /// Whether a replica that goes before this one was at work that short a time ago.
    pub(super) fn is_left_to_another(&self, within: Duration) -> bool {
        self.elder().is_some_and(|at| at.elapsed() < within)
    }

    fn elder(&self) -> MutexGuard<'_, Option<Instant>> {
        self.shared.elder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
