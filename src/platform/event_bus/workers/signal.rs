//! How the sequencer's loop tells the consumers'.

use std::{
    mem,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

use super::super::partitions::Partitions;

/// Tells one consumer's loop to work.
#[derive(Default)]
pub struct Signal {
    wake: Notify,
    among: Mutex<Partitions>,
    due: AtomicBool,
}

impl Signal {
    /// There is something for it in these partitions of the log.
    pub fn wake(&self, among: Partitions) {
        self.among().add(among);
        self.wake.notify_one();
    }

    /// Parked events are due.
    pub fn wake_due(&self) {
        self.due.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// What was told of since it was last asked.
    pub fn take(&self) -> Partitions {
        mem::take(&mut *self.among())
    }

    pub fn take_due(&self) -> bool {
        self.due.swap(false, Ordering::Relaxed)
    }

    fn among(&self) -> MutexGuard<'_, Partitions> {
        self.among.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
