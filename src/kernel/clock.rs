//! The named seam for time and for fresh identities.

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

/// Now, in UTC, cut to the microseconds that Postgres keeps, so that what was stored equals what
/// was answered.
#[allow(clippy::disallowed_methods, reason = "this is the seam")]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// A fresh time-ordered identity (UUID version 7, RFC 9562).
#[allow(clippy::disallowed_methods, reason = "this is the seam")]
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}
