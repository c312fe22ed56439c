//! What an act at the bank does, and what will be said of it.

use super::{
    account::Entry,
    giving_back::{BankDispute, BankRefund},
};

/// What the bank will say about an act. Amounts are cumulative for a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub what: What,
    pub amount_minor: i64,
    pub order: Order,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Authorized,
    Captured,
    Failed,
    Canceled,
    RefundSucceeded,
    RefundFailed,
    InquiryOpened,
    DisputeOpened,
    DisputeWon,
    DisputeLost,
}

/// When a notice is due, relative to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    AtOnce,
    /// After a first attempt at the one before.
    AfterAttempt,
    /// Only after the one before was acknowledged.
    AfterAcknowledged,
}

/// What an act did: to be stored in one transaction with the payment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Act {
    pub entries: Vec<Entry>,
    pub notices: Vec<Notice>,
    pub decline: Option<&'static str>,
    /// The refund that it made.
    pub refund: Option<BankRefund>,
    /// The dispute that it opened or closed.
    pub dispute: Option<BankDispute>,
}

impl Act {
    pub(super) fn say(&mut self, what: What, amount_minor: i64, order: Order) {
        self.notices.push(Notice { what, amount_minor, order });
    }
}
