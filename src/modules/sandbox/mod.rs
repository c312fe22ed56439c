//! A simulated bank that is a payment provider, for development, demonstrations and tests.
//!
//! **Who acts.** The payment module calls it in-process through [`SandboxProvider`], and is called
//! back over HTTP like by a stranger: signed webhooks, at least once, in no promised order. The
//! donor confirms at the bank's own public routes.
//!
//! **What always holds.** Money moves from an account's balance to its holds, from there into a
//! captured payment, and back by refund, and nowhere else; a payment is captured at most once, whoever confirms it how
//! often; what the bank will say about an act is committed with the act, so that a crash loses
//! neither; the same idempotency key gets the same answer.
//!
//! **How it fails.** As told: faults can be planned for its calls, payment methods script its
//! behaviour. Webhooks that are not acknowledged are sent again for a day. Without its database it
//! is unavailable, like any provider.
//!
//! Tables: schema `sandbox`: `accounts`, `account_transactions` (append-only), `payments`,
//! `refunds`, `disputes`, `events` (what was and will be said; also the list to reconcile with),
//! `faults`. No events of the bus,
//! in or out.

mod dto;
mod error;
mod model;
mod provider;
mod repo;
mod routes;
mod schema;
mod service;
mod webhook;

use utoipa_actix_web::service_config::ServiceConfig;

pub use error::SandboxError;
pub use model::{Account, BankPayment, Method, Outcome, RuleError};
pub use provider::SandboxProvider;
pub use repo::{AccountTransaction, FaultKind, Operation};
pub use service::{Creation, Fault, KeyReused, RefundOrder, SandboxBank};
pub use webhook::{BadSecret, DeliveryWorker, Keys, Pace};

/// Mounts the bank's routes, under `/api/v1`. They need a `web::Data<SandboxBank>`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(routes::open_sandbox_account)
        .service(routes::get_sandbox_account)
        .service(routes::list_sandbox_account_transactions)
        .service(routes::confirm_sandbox_payment)
        .service(routes::list_sandbox_payments)
        .service(routes::get_sandbox_payment)
        .service(routes::list_sandbox_payment_events)
        .service(routes::redeliver_sandbox_webhooks)
        .service(routes::plan_sandbox_fault)
        .service(routes::refund_sandbox_payment)
        .service(routes::list_sandbox_refunds)
        .service(routes::open_sandbox_dispute)
        .service(routes::close_sandbox_dispute)
        .service(routes::expire_sandbox_hold);
}
