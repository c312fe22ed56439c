//! Being built.

pub mod api;
pub mod events;
