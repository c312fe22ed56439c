//! What [`decide`](super::decide()) says. Each decision, also one that changes nothing, becomes one
//! row of the history; `as_str` gives its words there and in the metrics.

use super::{
    amounts::LedgerDelta, fact_row::FactRow, facts::Conflict, payment::Payment,
    status::PaymentStatus, words::words,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Something stored changes; store all of it in one transaction.
    Applied(Box<Applied>),
    /// The payment is past that.
    Stale(Staleness),
    /// Known already, maybe from another event.
    Duplicate,
    /// It means nothing to us.
    Ignored,
    /// Not yet: retry later, and when a capture is applied.
    Deferred(Deferral),
    /// Wrong in a way that needs a human. Nothing moves.
    Quarantined(Rejection),
    /// Fetch the payment from the provider, outside any transaction, and come back with
    /// [`Input::Answered`](super::Input::Answered).
    Ask(Question),
}

/// The step from one version of a payment to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    pub from: PaymentStatus,
    /// The payment after the step; its version is one more than before.
    pub next: Payment,
    /// Rows for the append-only facts, in order.
    pub facts: Vec<FactRow>,
    /// Rows for the append-only ledger, under `next.version`.
    pub ledger: Vec<LedgerDelta>,
    /// What happened that somebody should count, or look at.
    pub signals: Vec<Signal>,
}

words! {
    /// Why it changes nothing.
    Staleness {
        /// Something later or stronger was heard before.
        Outdated = "outdated",
        /// Canceled, yet money had been captured: the capture stands, and a metric counts it.
        CanceledAfterCapture = "canceled_after_capture",
        /// The provider, asked, does not stand by this event.
        Overruled = "overruled",
    }
}

words! {
    /// What it waits for.
    Deferral {
        /// The event implies a capture that neither it nor the provider shows yet.
        CaptureUnknown = "capture_unknown",
        /// Authorized or failed? The provider itself does not know yet: an attempt is on its way.
        StillProcessing = "still_processing",
    }
}

words! {
    /// Why a human must look.
    Rejection {
        CurrencyMismatch = "currency_mismatch",
        /// An amount that is 0 or less, or more than money can be.
        InvalidAmount = "invalid_amount",
        /// A refund or dispute without an id could not be told from another.
        MissingReference = "missing_reference",
        /// Captured, but neither the event nor the provider says how much.
        MissingAmount = "missing_amount",
        /// One refund or dispute with two amounts, and the provider does not settle it.
        ConflictingAmount = "conflicting_amount",
        /// One dispute both won and lost, and the provider does not settle it.
        ConflictingVerdict = "conflicting_verdict",
    }
}

words! {
    /// What the provider must settle.
    Question {
        /// Captured, but how much?
        MissingAmount = "missing_amount",
        /// A refund or dispute of which capture?
        CaptureUnknown = "capture_unknown",
        /// Authorized or failed? Two attempts, or one event late?
        AttemptUnclear = "attempt_unclear",
        /// More or less has gone back in all than the refunds we know.
        RefundsUnknown = "refunds_unknown",
        ConflictingAmount = "conflicting_amount",
        ConflictingVerdict = "conflicting_verdict",
        /// The payment moved while the provider was asked.
        AnswerOutdated = "answer_outdated",
    }
}

words! {
    /// What is worth a metric about an applied step.
    Signal {
        /// Captured out of `pending`: no authorization was seen.
        SkippedAuthorization = "skipped_authorization",
        /// Captured after it had failed.
        LateCapture = "late_capture",
        /// Captured although the provider had said canceled.
        CaptureAfterCancel = "capture_after_cancel",
        /// The capture became known by something other than its own event.
        ImpliedCapture = "implied_capture",
        /// Captured, now, is not what the pledge promised.
        AmountMismatch = "amount_mismatch",
        /// More was refunded than captured; the excess does not count.
        RefundClamped = "refund_clamped",
        /// More is disputed than is left; the excess does not count.
        DisputeClamped = "dispute_clamped",
        /// A refund that had counted failed.
        RefundReversed = "refund_reversed",
        /// The only way back: refunded → captured.
        Reopened = "reopened",
        /// The provider took back the verdict on a dispute.
        VerdictOverruled = "verdict_overruled",
    }
}

impl Decision {
    /// The history's and the inbox's word. `ask` is never stored: an answer follows.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Applied(_) => "applied",
            Self::Stale(_) => "stale",
            Self::Duplicate => "duplicate",
            Self::Ignored => "ignored",
            Self::Deferred(_) => "deferred",
            Self::Quarantined(_) => "quarantined",
            Self::Ask(_) => "ask",
        }
    }

    /// Why, where there is more to say than [`Self::as_str`].
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Applied(_) | Self::Duplicate | Self::Ignored => None,
            Self::Stale(why) => Some(why.as_str()),
            Self::Deferred(why) => Some(why.as_str()),
            Self::Quarantined(why) => Some(why.as_str()),
            Self::Ask(what) => Some(what.as_str()),
        }
    }
}

impl Conflict {
    /// The provider can settle it,
    pub(super) fn question(self) -> Question {
        match self {
            Self::Amount => Question::ConflictingAmount,
            Self::Verdict => Question::ConflictingVerdict,
        }
    }

    /// or a human must.
    pub(super) fn rejection(self) -> Rejection {
        match self {
            Self::Amount => Rejection::ConflictingAmount,
            Self::Verdict => Rejection::ConflictingVerdict,
        }
    }
}
