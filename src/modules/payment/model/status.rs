//! The states of a payment and the edges between them.

use super::words::words;

words! {
    /// Where a payment stands. Partial refunds and disputes are amounts on it, not states.
    PaymentStatus {
        /// Made, and nothing decisive heard yet.
        Pending = "pending",
        /// The last attempt failed, or the provider canceled it. Not terminal for money: one
        /// intent can fail and then succeed.
        Failed = "failed",
        /// The money is reserved, not taken.
        Authorized = "authorized",
        /// Money was taken, and some of it was not refunded.
        Captured = "captured",
        /// All that was captured has been refunded.
        Refunded = "refunded",
    }
}

impl PaymentStatus {
    /// How far the payment has come: `pending` 0 to `refunded` 4.
    pub fn rank(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Failed => 1,
            Self::Authorized => 2,
            Self::Captured => 3,
            Self::Refunded => 4,
        }
    }

    /// Has it taken money?
    pub fn is_paid(self) -> bool {
        self.rank() >= Self::Captured.rank()
    }

    /// May a payment go from here to `next`? Upward always, downward along two edges only:
    /// refunded → captured (a counted refund failed, or more was captured), and authorized →
    /// failed (canceled, or the provider confirmed that the attempt failed), where no money has
    /// moved yet. The database's trigger can hold the same line.
    #[cfg(test)]
    pub fn may_become(self, next: Self) -> bool {
        self.rank() <= next.rank()
            || matches!((self, next), (Self::Refunded, Self::Captured))
            || matches!((self, next), (Self::Authorized, Self::Failed))
    }
}
