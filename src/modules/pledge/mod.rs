//! Being built.

pub mod events;
