//! Being built.

pub mod api;
