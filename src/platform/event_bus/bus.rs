//! The handle that producers hold.

use std::sync::Arc;

use tokio::sync::Notify;

/// Carries a hint to the other replicas that there is something to do. May be lost: they poll.
/// Called at most once per tick; must return at once and must not fail.
pub trait RemoteWake: Send + Sync + 'static {
    fn wake(&self);
}

/// Wakes the bus of this process, and by it the others.
#[derive(Clone, Default)]
pub struct EventBus {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    local: Notify,
    remote: Option<Box<dyn RemoteWake>>,
}

impl EventBus {
    /// A bus of one process, or of several that find each other's events by polling.
    pub fn new() -> Self {
        Self::default()
    }

    /// A bus that also tells the other replicas.
    pub fn with_remote(remote: impl RemoteWake) -> Self {
        let shared = Shared { local: Notify::new(), remote: Some(Box::new(remote)) };
        Self { shared: Arc::new(shared) }
    }

    /// To be called after the commit of a transaction that published, and when another replica's
    /// hint arrives. Cheap, and calls between two ticks count as one. Only a pass that moved events
    /// tells the others, so hints do not echo.
    pub fn wake(&self) {
        self.shared.local.notify_one();
    }

    pub(super) async fn woken(&self) {
        self.shared.local.notified().await;
    }

    /// New events are in the log: other replicas' consumers may help.
    pub(super) fn tell_others(&self) {
        if let Some(remote) = &self.shared.remote {
            remote.wake();
        }
    }
}
