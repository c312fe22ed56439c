//! The bounded contexts. A module imports the kernel, the platform, and of other modules only
//! `api` and `events`; `tests/it/boundaries.rs` holds them to it.

pub mod admin;
pub mod auth;
pub mod campaign;
pub mod payment;
pub mod pledge;
pub mod sandbox;
pub mod stripe;
pub mod totals;
