//! The loops of a replica. The sequencer's is the only one that polls: it tells the consumers'
//! when there is something to do.

mod consumer;
mod sequencer;
mod signal;
mod upkeep;

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

pub(super) use consumer::ConsumerLoop;
pub(super) use sequencer::SequencerLoop;
pub(super) use signal::Signal;
pub(super) use upkeep::UpkeepLoop;

/// Waits, unless the bus is to stop.
async fn pause(token: &CancellationToken, wait: Duration) {
    tokio::select! {
        () = token.cancelled() => {}
        () = sleep(wait) => {}
    }
}
