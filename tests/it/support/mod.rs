//! What tests stand on: real servers, each ended with the test that started it, whatever happens.
//!
//! - [`postgres`]: databases of the test's own in one shared cluster, or a cluster to break
//! - [`standby`]: a streaming standby of such a cluster
//! - [`redis`]: a Redis to switch off and on
//! - [`server`]: the real program, with its log
//! - [`sources`]: our own files
//! - [`nginx`]: a load balancer that loses and repeats webhooks
//! - [`ports`]: where such things listen
//! - [`mail`]: a mail server to switch off and on, and mail as files
//! - [`client`]: a few lines of HTTP
//! - [`donation`]: the steps of a donation
//! - [`counters`]: what Postgres counts
//! - [`collector`]: what traces are sent to
//! - [`logs`]: what must not be in them
//! - [`exposition`]: what `/metrics` says, and Prometheus' judgement of it
//! - [`prometheus`]: a real one
//! - [`webhooks`]: what became of webhooks, and whether the books balance
//! - [`wait`]: waiting for a condition, never for a time

#![allow(dead_code, unused_imports, reason = "the toolbox is larger than what each test takes")]

pub mod client;
pub mod collector;
pub mod counters;
pub mod donation;
pub mod exposition;
mod listening;
pub mod logs;
pub mod mail;
pub mod nginx;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod prometheus;
mod python;
pub mod redis;
pub mod server;
pub mod sources;
pub mod standby;
pub mod wait;
pub mod webhooks;

pub use client::{Client, Response};
pub use nginx::Nginx;
pub use postgres::{OwnPostgres, TestDatabase};
pub use python::PYTHON;
pub use redis::Redis;
pub use server::Server;
pub use wait::{eventually, eventually_blocking};

/// The program under test.
pub const CAREFORALL: &str = env!("CARGO_BIN_EXE_careforall");
