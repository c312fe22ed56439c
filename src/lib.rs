//! CareForAll: a donation platform in one binary.

pub mod cli;
pub mod config;
pub mod kernel;
pub mod modules;
pub mod platform;
