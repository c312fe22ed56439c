//! One binary for all tests that need more than a function: building and linking it once is
//! quicker than thirty times.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, and its helpers take what is at hand"
)]

mod admin;
mod auth;
mod authorization;
mod bench;
mod boundaries;
mod campaign;
mod chaos;
mod config;
mod edge;
mod embedded_postgres;
mod event_bus;
mod fill;
mod fleet;
mod flows;
mod http;
mod idempotency;
mod mailer;
mod metrics;
mod openapi;
mod operating;
mod reads;
mod recovery;
mod refunds;
mod sandbox;
mod schema;
mod sequences;
mod statements;
mod storms;
mod stripe;
mod support;
mod tidy;
mod totals;
mod traces;
