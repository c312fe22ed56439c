//! What [`decide`](super::decide()) needs to know of a payment.

use crate::kernel::money::Money;

use super::{amounts::Amounts, facts::Facts, status::PaymentStatus};

/// A payment as it stands, without its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Grows by one whenever something stored changes; the number of the ledger's next rows.
    pub version: i64,
    pub status: PaymentStatus,
    /// "Final": the provider canceled it, and we stop asking about it. Only ever true of a failed
    /// payment: a capture that comes all the same wins, and opens it again.
    pub closed: bool,
    /// What the pledge promised.
    pub expected: Money,
    pub facts: Facts,
}

impl Payment {
    /// A payment about which the provider has said nothing yet.
    #[cfg(test)]
    pub fn new(expected: Money) -> Self {
        Self {
            version: 1,
            status: PaymentStatus::Pending,
            closed: false,
            expected,
            facts: Facts::default(),
        }
    }

    pub fn amounts(&self) -> Amounts {
        self.facts.amounts()
    }

    /// Was another amount captured than the pledge promised? We record what the provider says,
    /// and flag it.
    pub fn amount_mismatch(&self) -> bool {
        let captured_minor = self.amounts().captured_minor;
        captured_minor > 0 && captured_minor != self.expected.minor
    }
}
