//! The effective amounts of a payment and what the ledger records of their changes.

use serde::{Deserialize, Serialize};

use super::words::words;

/// What counts, in the minor unit of the payment's currency. Computed from the facts, never
/// added to: [`Facts::amounts`](super::Facts::amounts).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_field_names, reason = "the unit belongs to the name of an amount")]
pub struct Amounts {
    pub captured_minor: i64,
    /// At most what was captured.
    pub refunded_minor: i64,
    /// `disputed_effective`: at most what was captured and not refunded.
    pub disputed_minor: i64,
}

impl Amounts {
    /// What the campaign may count on. Never negative.
    #[cfg(test)]
    pub fn net_minor(self) -> i64 {
        self.captured_minor - self.refunded_minor - self.disputed_minor
    }
}

words! {
    /// Which amount a ledger row changes.
    LedgerKind {
        Captured = "captured",
        Refunded = "refunded",
        Disputed = "disputed",
    }
}

/// One row of the append-only ledger, unique by (payment, version, kind).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerDelta {
    pub kind: LedgerKind,
    /// Never 0; negative when a refund failed, a dispute was won or gave way to a refund.
    pub delta_minor: i64,
}

/// The rows that lead from one version's amounts to the next's; at most one of each kind.
pub fn ledger_deltas(before: Amounts, after: Amounts) -> Vec<LedgerDelta> {
    // Amounts are at least 0, so that a difference of two cannot overflow.
    [
        (LedgerKind::Captured, after.captured_minor - before.captured_minor),
        (LedgerKind::Refunded, after.refunded_minor - before.refunded_minor),
        (LedgerKind::Disputed, after.disputed_minor - before.disputed_minor),
    ]
    .into_iter()
    .filter(|(_, delta_minor)| *delta_minor != 0)
    .map(|(kind, delta_minor)| LedgerDelta { kind, delta_minor })
    .collect()
}
