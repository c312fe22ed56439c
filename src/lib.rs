//! CareForAll: a donation platform in one binary. This is the map of the house.
//!
//! - [`kernel`]: the words everybody shares (money, ids, problems). No I/O.
//! - [`platform`]: I/O that knows no donation (Postgres, event bus, idempotency, HTTP manners).
//! - [`modules`]: the bounded contexts (auth, campaign, pledge, payment, totals, sandbox). They
//!   meet only through each other's `api` and `events`.
//! - [`app`]: the composition root, which wires them.
//! - [`config`], [`cli`]: what an operator sets and types.
//!
//! `docs/ARCHITECTURE.md` tells how a donation goes through it and what always holds.

pub mod app;
pub mod cli;
pub mod config;
pub mod kernel;
pub mod modules;
pub mod platform;
