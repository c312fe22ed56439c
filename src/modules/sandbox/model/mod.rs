//! The bank's rules, without I/O.

mod account;
mod method;
mod payment;
#[cfg(test)]
mod tests;
mod words;

pub use account::{Account, Entry, EntryKind, MAX_BALANCE};
pub use method::{Behaviour, Method, account_number};
pub use payment::{Act, BankPayment, Capture, Notice, Order, RuleError, Status, What};
pub(super) use words::words;
