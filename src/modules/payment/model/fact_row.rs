//! The words a provider says about money, and the row that keeps each of them.

use serde::{Deserialize, Serialize};

use super::words::words;

words! {
    /// What a fact is about.
    FactKind {
        Capture = "capture",
        Refund = "refund",
        Dispute = "dispute",
    }
}

words! {
    /// The word said about it.
    FactState {
        Captured = "captured",
        Succeeded = "succeeded",
        Failed = "failed",
        Open = "open",
        Won = "won",
        Lost = "lost",
    }
}

words! {
    /// Of a refund that has been decided: `succeeded` < `failed`, whatever the order of arrival.
    RefundState {
        Succeeded = "succeeded",
        Failed = "failed",
    }
}

words! {
    /// `open` < `won` or `lost`, whatever the order of arrival.
    DisputeState {
        /// The bank has taken the money back for now.
        Open = "open",
        /// It came back to us.
        Won = "won",
        /// It is gone.
        Lost = "lost",
    }
}

/// One row of the append-only table of facts, unique by (payment, kind, reference, state).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactRow {
    pub kind: FactKind,
    /// The provider's refund or dispute id; of a capture, its cumulative amount in decimals.
    pub reference: String,
    pub state: FactState,
    /// In the minor unit; of a capture, cumulative.
    pub amount_minor: i64,
}
