//! What the bank says and how: the form of its events, their signature, their delivery.

mod delivery;
mod event;
mod parse;
mod post;
mod signature;

pub use delivery::{DeliveryWorker, Pace};
pub use event::NewEvent;
pub use parse::parse;
pub use signature::{BadSecret, Keys};
