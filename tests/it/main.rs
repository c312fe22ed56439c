//! Every integration test, in one binary.

mod event_bus;
