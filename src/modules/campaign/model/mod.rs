//! Campaigns and their rules, without I/O.

mod campaign;
mod selection;
mod status;

pub use campaign::{Campaign, Changes, Draft, MAX_GOAL_MINOR, Refusal};
pub use selection::{Listed, Place, Selection, Sort};
pub use status::{Action, Closed, Gate, Status};
