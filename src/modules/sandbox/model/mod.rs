//! The bank's rules, without I/O.

mod account;
mod act;
mod giving_back;
mod method;
mod payment;
#[cfg(test)]
mod tests;
mod words;

pub use account::{Account, Entry, EntryKind, MAX_BALANCE};
pub use act::{Act, Notice, Order, What};
pub use giving_back::{BankDispute, BankRefund, DisputeStatus, Outcome, RefundStatus};
pub use method::{Behaviour, Method, account_number};
pub use payment::{BankPayment, Capture, RuleError, Status};
pub(super) use words::words;
