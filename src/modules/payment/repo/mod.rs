//! Payments in Postgres.

pub mod admin;
mod cancel_intents;
mod checks;
mod due;
mod history;
mod inbox;
mod inbox_names;
mod naming;
mod payments;
mod provider_cursors;
pub mod reconcile;
mod reconciliations;
mod records;
pub mod refund_books;
mod refund_runs;
mod refunds;
mod retention;
mod stuck;

pub use cancel_intents::{
    CancelIntent, claim_due_intents, demand_cancel, finish_intent, has_intent, insert_intents,
    retry_intent,
};
pub use checks::{
    Check, any_check_is_due, claim_due_checks, drop_checks_that_are_over, insert_checks,
    reschedule_check,
};
pub use due::{CANCELS_DUE, INBOX_DUE, REFUNDS_DUE};
pub use history::{HistoryRow, insert_history, page_of_history};
pub use inbox::{
    InboxRow, NewInboxRow, Settled, claim_inbox, count_inbox, hashes_of, insert_inbox, lock_inbox,
    settle_inbox, wake_deferred, wake_known,
};
pub use inbox_names::name_inbox;
pub use naming::{Named, lock_open, name_many, set_provider_ids};
pub use payments::{
    PaymentRow, begin_next_key, count_call, find, find_locked, insert_new, lock_named, of_pledge,
    stamp_call, stamp_lost_calls, update_many, with_payments,
};
pub use provider_cursors::{ProviderCursor, claim_cursor, move_cursor};
pub use reconciliations::{
    PendingRefund, Span, claim_reconciliation, find_named, finish_reconciliation, page_made_in,
    pending_refunds, returned_in,
};
pub use records::{NewEntry, NewFact, facts_of, insert_facts, insert_ledger};
pub use refund_runs::{
    Progress, RefundRunRow, last_run, lock_held, move_run, next_run, open_run, progress_of_runs,
};
pub use refunds::{
    RefundNews, RefundRow, captured_again, due_refunds, fail_refund, find_refund, follow_refunds,
    in_flight_minor, insert_refund, next_refund_key, retry_refund, take_up_refund,
};
pub use retention::forget_settled;
pub use stuck::count_stuck;
