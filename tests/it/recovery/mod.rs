//! What makes up for lost webhooks, lost answers, lost clients and lost databases.

mod books;
mod breaker;
mod budget;
mod calls;
mod events;
mod looks;
mod restored;
mod returned;

pub use books::compared_anew;

use crate::support::{
    donation::{PATIENCE, builder},
    eventually,
    server::Builder,
    webhooks::Books,
};

/// A server whose sweeper looks every second at what is a second old, and asks for no events.
fn sweeping() -> Builder {
    builder()
        .env("CAREFORALL_SWEEPER__EVERY_SECONDS", "1")
        .env("CAREFORALL_SWEEPER__PENDING_AFTER_SECONDS", "1")
        .env("CAREFORALL_SWEEPER__BACKOFF_SECONDS", "1")
        .env("CAREFORALL_SWEEPER__EVENTS_EVERY_SECONDS", "86400")
        .env("CAREFORALL_SWEEPER__SETTLE_SECONDS", "1")
        .env("CAREFORALL_BREAKER__FAILURES", "1000")
        .env("CAREFORALL_BREAKER__WINDOW_CALLS", "1000")
}

/// A bank that nobody hears.
const NOWHERE: (&str, &str) = ("CAREFORALL_SANDBOX__WEBHOOK_URL", "http://127.0.0.1:9/");

/// Waits for the one reading of the providers' events that there is at the start; from here on the
/// events are not read again.
async fn read_once(books: &Books) {
    let read = "payment.provider_cursors WHERE read_at IS NOT NULL";
    eventually(PATIENCE, || async { books.count(read).await == 1 }).await;
}

/// The former call cannot be on its way any more.
const LONG_AGO: &str = "UPDATE payment.payments SET called_at = now() - interval '2 minutes'";

/// The key under which the bank has made each of its payments, oldest first.
async fn keys_at_bank(books: &Books) -> Vec<String> {
    let sql = "SELECT idempotency_key FROM sandbox.payments ORDER BY id";
    books.sql.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}
