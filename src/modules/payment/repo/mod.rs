//! Payments in Postgres.

pub mod admin;
mod cancel_intents;
mod history;
mod inbox;
mod payments;
pub mod reconcile;
mod records;

pub use cancel_intents::{
    CancelIntent, claim_due_intents, demand_cancel, finish_intent, insert_intents, retry_intent,
};
pub use history::{HistoryRow, insert_history, page_of_history};
pub use inbox::{
    InboxRow, NewInboxRow, Settled, claim_inbox, count_inbox, hashes_of, insert_inbox, lock_inbox,
    settle_inbox, wake_deferred, wake_known,
};
pub use payments::{
    PaymentRow, find, find_locked, insert, lock_named, of_pledge, set_provider_ids, stamp_call,
    update_many,
};
pub use records::{NewEntry, NewFact, facts_of, insert_facts, insert_ledger};
