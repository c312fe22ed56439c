//! The payment as a pure state machine: no I/O, no clock, no randomness.
//!
//! A provider speaks about a payment in many voices (webhooks, the answer to a request, what a
//! sweeper fetched), in any order, twice, late, and now and then in contradiction with itself. All
//! of it goes through one function, [`decide`], which says what the payment becomes.
//!
//! The idea: money is never moved by an event. An event adds to the [`Facts`], which only ever
//! grow (a set union, so that order and repetition cannot matter), and the effective [`Amounts`]
//! are computed again from all of them. Clamps, releases and captures that come late therefore
//! need no case of their own. Only before the first capture does the order of words matter; there,
//! where two words contradict each other, the answer is [`Decision::Ask`]: a worker asks the
//! provider outside any transaction and comes back with [`Input::Answered`].
//!
//! What always holds, whatever comes in: amounts are at least 0; refunded + disputed ≤ captured;
//! no claim on money (refund, dispute) is in the facts before its capture; a payment that holds
//! captured money never becomes unpaid again; `closed` is only ever set on a failed payment; the
//! ledger's differences add up to the amounts; the version grows by one exactly when something
//! stored changed.
//!
//! The rules, cell by cell, are in `tests/table.md`; `docs/DECISIONS.md` says why.

mod amounts;
mod decide;
mod decision;
mod draft;
mod event;
mod fact_row;
mod facts;
mod hear;
mod payment;
mod signals;
mod status;
mod words;

#[cfg(test)]
mod tests;

pub use amounts::{Amounts, LedgerDelta};
pub use decide::decide;
pub use decision::{Applied, Decision, Rejection};
pub use event::{
    DisputeReport, EventKind, Input, ProviderEvent, ProviderStatus, RefundReport, Snapshot,
};
pub use fact_row::{DisputeState, FactKind, FactRow, RefundState};
pub use facts::{Facts, RefundFact};
pub use payment::Payment;
pub use status::PaymentStatus;
pub use words::UnknownWord;

/// What so far only the proofs speak of; refunds will.
#[cfg(test)]
use {
    amounts::{LedgerKind, ledger_deltas},
    decision::{Question, Signal},
    fact_row::FactState,
    facts::Conflict,
};
