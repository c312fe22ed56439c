//! The bank's own tables.

mod accounts;
mod events;
mod faults;
mod giving_back;
mod payments;

pub use accounts::{
    AccountTransaction, insert_account, insert_entries, list_transactions, load_account,
    lock_account, save_account,
};
pub use events::{
    Claimed, Delivery, EVENTS_DUE, Outcome, Said, claim_due, insert_events, list_deliveries,
    list_said, mark, send_again,
};
pub use faults::{FaultKind, Operation, insert_fault, take_fault};
pub use giving_back::{
    insert_refund, list_disputes, list_refunds, list_returned, load_dispute, refund_by_key,
    save_dispute,
};
pub use payments::{
    by_idempotency_key, expired_holds, insert_payments, list_made, list_payments, load_payment,
    lock_payment, save_payment,
};
