//! The event bus against a real Postgres, with real processes where they matter.

mod bloat;
mod cluster;
mod crash;
mod delivery;
mod log;
mod poison;
mod recorder;
mod runtime;
mod worker;
