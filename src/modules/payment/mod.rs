//! Payments. Being built.

pub mod api;
pub mod events;
mod model;
mod repo;
mod schema;
