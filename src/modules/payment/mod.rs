//! Payments: pledges made good through a payment provider.
//!
//! A payment is made in three phases around the provider call, so that a crash anywhere ends with
//! one payment at the provider. What the provider says afterwards comes as webhooks, in any order,
//! late, twice; it is stored before it is acknowledged, and judged by one pure function
//! (`model::decide`). Always holds: captured money is never forgotten and never counted twice;
//! refunded + disputed ≤ captured; the ledger's differences add up to the payment; every decision
//! has a row in the history; facts, ledger and history are append-only.
//!
//! Tables: `payment.payments`, `.facts`, `.ledger`, `.history`, `.refunds`, `.refund_runs`,
//! `.webhook_inbox`, `.cancel_intents`, `.checks`, `.provider_cursors`, `.reconciliations`. Events out:
//! `payment.changed.v1`. In: `pledge.cancelled.v1`, and our own: what is captured a second time for
//! one pledge is given back.

pub mod api;
mod book;
mod canceller;
mod consumers;
mod dto;
mod error;
pub mod events;
mod guarded;
mod inbox;
mod model;
mod providers;
mod reconcile;
mod refunder;
mod repo;
mod routes;
mod schema;
mod service;
mod sweeper;
mod webhook_route;

pub use canceller::Canceller;
pub use consumers::PaymentConsumer;
pub use guarded::Guarded;
pub use inbox::{Door, Worker as InboxWorker, forget_settled};
pub use providers::Providers;
pub use refunder::Refunder;
pub use routes::configure;
pub use service::PaymentService;
pub use sweeper::{Pace, Sweeper};
