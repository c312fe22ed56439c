//! Webhooks in: stored, then acknowledged, then applied.
//!
//! The route hands a verified webhook to the [`Door`], which commits it to the inbox through the
//! batching writer and only then lets it be acknowledged; the same event again is a duplicate. The
//! [`Worker`], in every replica, applies what is pending or due, in batches: it locks the payments
//! concerned, lets `decide` judge, and writes everything in one transaction. What cannot be applied
//! yet is deferred (1 s to 72 h), what is wrong is quarantined with its reason, and what only the
//! provider can settle is asked outside of any transaction,
//! beside the worker, so that a slow provider holds up only what it is asked about. Nothing is ever dropped without a row
//! that says why, and what is settled is forgotten after 30 days.

mod apply;
mod ask;
mod door;
mod letter;
mod outcome;
mod reread;
mod retention;
mod schedule;
mod translate;
mod worker;

pub use door::{Arrival, Door};
pub use letter::letter;
pub use retention::forget_settled;
pub use translate::snapshot;
pub use worker::Worker;
