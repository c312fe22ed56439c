//! Administration: seeing and mending what belongs to several modules.
//!
//! **Who acts.** Administrators, over HTTP, and operators, with `careforall reconcile`. In the
//! background one replica at a time compares the books: what changed every few minutes, everything
//! nightly.
//!
//! **What always holds.** Whoever acts is an administrator as the database says at that moment;
//! each act has its row in the audit log, with its reason, in the same transaction, and does what
//! it does through the `api` of the module that owns it. The background only looks. A repair
//! counts a campaign anew under the lock of its totals: gifts go on, readers see the old totals or
//! the new, and what is consumed afterwards is neither lost nor counted twice.
//!
//! **How it fails.** A comparison that is cut short is made again at its next turn. What payments,
//! facts and ledger say of each other is reported and never repaired: a person decides.
//!
//! Tables: `admin.reconciliation`, `admin.opening`. Events in and out: none; the bus's log tells
//! what changed.

mod dto;
mod error;
mod repo;
mod report;
mod routes;
mod schema;
mod service;

pub use report::Report;
pub use routes::configure;
pub use service::{AdminService, Outcome, Reconciler};
