//! What the [lookout](crate::platform::lookout) asks for this module's workers. Each is answered by
//! an index of what is open; whoever claims asks again, with locks.

/// Webhooks to apply. Those below the floor are left to the worker's own searches: while something
/// keeps the dead entries of what was settled from being vacuumed, they would be read each time.
pub const INBOX_DUE: &str = "\
    SELECT 1 FROM payment.webhook_inbox WHERE status = 'pending' AND id > {floor} \
    UNION ALL \
    SELECT 1 FROM payment.webhook_inbox WHERE status = 'deferred' AND next_attempt_at <= now()";

pub const CANCELS_DUE: &str = "\
    SELECT 1 FROM payment.cancel_intents WHERE done_at IS NULL AND next_attempt_at <= now()";

/// Refunds that nobody works on, and runs that are not done.
pub const REFUNDS_DUE: &str = "\
    SELECT 1 FROM payment.refunds WHERE status = 'requested' AND next_attempt_at <= now() \
    UNION ALL \
    SELECT 1 FROM payment.refund_runs WHERE done_at IS NULL";
