//! Every integration test, in one binary.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod event_bus;
