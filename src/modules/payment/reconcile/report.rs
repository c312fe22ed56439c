//! What a comparison has found, as it is stored and told.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::kernel::{ids::PaymentId, money::Currency};

/// The books of one provider beside ours, over a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProviderReport {
    pub provider: String,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// By currency.
    pub sums: BTreeMap<String, Sums>,
    /// Theirs without ours: lost here, or made twice there.
    pub unknown_here: Vec<Orphan>,
    /// Ours without theirs.
    pub unknown_there: Vec<Orphan>,
    /// In both books, with another amount captured.
    pub different: Vec<Difference>,
    /// Refunds and disputes that are not in both books alike.
    pub returned: Vec<ReturnDifference>,
}

/// Payments that were compared, and minor units, in each of the two books. What went back is that
/// of payments of which something went back in this stretch of time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sums {
    pub ours: i64,
    pub ours_captured_minor: i64,
    pub ours_refunded_minor: i64,
    pub ours_disputed_minor: i64,
    pub theirs: i64,
    pub theirs_captured_minor: i64,
    pub theirs_refunded_minor: i64,
    pub theirs_disputed_minor: i64,
}

/// A payment that only one of the two has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Orphan {
    pub provider_payment_id: String,
    /// Ours; of theirs, what their metadata say.
    pub payment_id: Option<PaymentId>,
    pub currency: Currency,
    pub captured_minor: i64,
}

/// A payment about which the two disagree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub payment_id: PaymentId,
    pub provider_payment_id: String,
    pub ours_currency: Currency,
    pub ours_captured_minor: i64,
    pub theirs_currency: Currency,
    pub theirs_captured_minor: i64,
}

/// A refund or a dispute about which the two disagree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReturnDifference {
    pub kind: ReturnKind,
    /// The provider's name for it.
    pub reference: String,
    pub payment_id: PaymentId,
    pub provider_payment_id: String,
    /// `None`: it is in the other book only.
    pub ours: Option<Word>,
    pub theirs: Option<Word>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnKind {
    Refund,
    Dispute,
}

impl ReturnKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refund => "refund",
            Self::Dispute => "dispute",
        }
    }
}

/// What one book says of a refund or dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Word {
    /// `pending`, `succeeded`, `failed`; `open`, `won`, `lost`.
    pub status: &'static str,
    pub amount_minor: i64,
}

impl Word {
    /// Is the money gone, by this word?
    pub fn is_gone(self) -> bool {
        matches!(self.status, "succeeded" | "open" | "lost")
    }
}

impl ProviderReport {
    pub(super) fn new(provider: &str, (from, to): (DateTime<Utc>, DateTime<Utc>)) -> Self {
        Self {
            provider: provider.to_owned(),
            from,
            to,
            sums: BTreeMap::new(),
            unknown_here: Vec::new(),
            unknown_there: Vec::new(),
            different: Vec::new(),
            returned: Vec::new(),
        }
    }

    /// How much is not in both books alike, by kind.
    pub fn kinds(&self) -> [(&'static str, usize); 5] {
        let of = |kind| self.returned.iter().filter(|found| found.kind == kind).count();
        [
            ("unknown_here", self.unknown_here.len()),
            ("unknown_there", self.unknown_there.len()),
            ("different", self.different.len()),
            ("refunds", of(ReturnKind::Refund)),
            ("disputes", of(ReturnKind::Dispute)),
        ]
    }

    pub fn findings(&self) -> usize {
        self.kinds().iter().map(|(_, found)| found).sum()
    }
}
