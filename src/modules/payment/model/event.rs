//! What comes in: a provider's events, its answers, and the two together.
//!
//! Nothing here knows Stripe or the sandbox, nor by which way (webhook, API, sweeper, admin) it
//! came: adapters translate, and the history records the source.

use crate::kernel::money::Currency;

use super::{
    fact_row::{DisputeState, RefundState},
    words::words,
};

/// One thing a provider said about a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderEvent {
    pub kind: EventKind,
    pub currency: Currency,
    /// The cumulative amount captured so far, if the event tells it. Of [`EventKind::Captured`]
    /// it is the point; of a refund or dispute it implies the capture; whatever event carries it,
    /// it is believed.
    pub captured_minor: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// On its way, nothing decided.
    Processing,
    Authorized,
    Captured,
    AttemptFailed,
    Canceled,
    RefundSucceeded {
        refund_ref: String,
        amount_minor: i64,
    },
    RefundFailed {
        refund_ref: String,
        amount_minor: i64,
    },
    /// So much has gone back in all, or is on its way: to be compared with the refunds we know.
    RefundTotal {
        cumulative_minor: i64,
    },
    DisputeOpened {
        dispute_ref: String,
        amount_minor: i64,
    },
    DisputeWon {
        dispute_ref: String,
        amount_minor: i64,
    },
    DisputeLost {
        dispute_ref: String,
        amount_minor: i64,
    },
}

/// An [`EventKind`] sorted by what it changes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Topic<'a> {
    Progress,
    Refund { reference: &'a str, amount_minor: i64, said: RefundState },
    Dispute { reference: &'a str, amount_minor: i64, said: DisputeState },
}

impl EventKind {
    pub(super) fn topic(&self) -> Topic<'_> {
        let refund =
            |reference, amount_minor, said| Topic::Refund { reference, amount_minor, said };
        let dispute =
            |reference, amount_minor, said| Topic::Dispute { reference, amount_minor, said };
        match self {
            Self::Processing
            | Self::Authorized
            | Self::Captured
            | Self::AttemptFailed
            | Self::RefundTotal { .. }
            | Self::Canceled => Topic::Progress,
            Self::RefundSucceeded { refund_ref, amount_minor } => {
                refund(refund_ref, *amount_minor, RefundState::Succeeded)
            }
            Self::RefundFailed { refund_ref, amount_minor } => {
                refund(refund_ref, *amount_minor, RefundState::Failed)
            }
            Self::DisputeOpened { dispute_ref, amount_minor } => {
                dispute(dispute_ref, *amount_minor, DisputeState::Open)
            }
            Self::DisputeWon { dispute_ref, amount_minor } => {
                dispute(dispute_ref, *amount_minor, DisputeState::Won)
            }
            Self::DisputeLost { dispute_ref, amount_minor } => {
                dispute(dispute_ref, *amount_minor, DisputeState::Lost)
            }
        }
    }
}

words! {
    /// What the provider answers when asked how a payment stands.
    ProviderStatus {
        /// No attempt yet, or an authorization that is no more.
        AwaitingMethod = "awaiting_method",
        /// The last attempt failed; another may follow.
        AttemptFailed = "attempt_failed",
        Processing = "processing",
        Authorized = "authorized",
        Captured = "captured",
        Canceled = "canceled",
    }
}

/// A payment as the provider shows it when asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// [`Payment::version`](super::Payment::version) read before the provider was asked. If the
    /// payment has moved since, the answer may be older than what we know, and is asked again.
    pub asked_at_version: i64,
    pub status: ProviderStatus,
    pub currency: Currency,
    /// Cumulative; `None` when the provider does not tell.
    pub captured_minor: Option<i64>,
    /// The refunds that have been decided; `None` when they were not fetched.
    pub refunds: Option<Vec<RefundReport>>,
    /// `None` when they were not fetched.
    pub disputes: Option<Vec<DisputeReport>>,
}

impl Snapshot {
    /// The word on one refund, if it is listed.
    pub(super) fn refund(&self, reference: &str) -> Option<RefundState> {
        let listed = self.refunds.iter().flatten();
        listed.rev().find(|said| said.refund_ref == reference).map(|said| said.state)
    }

    /// The word on one dispute, if it is listed.
    pub(super) fn dispute(&self, reference: &str) -> Option<DisputeState> {
        let listed = self.disputes.iter().flatten();
        listed.rev().find(|said| said.dispute_ref == reference).map(|said| said.state)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundReport {
    pub refund_ref: String,
    pub amount_minor: i64,
    pub state: RefundState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeReport {
    pub dispute_ref: String,
    pub amount_minor: i64,
    pub state: DisputeState,
}

/// What [`decide`](super::decide()) judges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The provider spoke: a webhook, or the answer to a request of ours.
    Event(ProviderEvent),
    /// We looked, as the sweeper does.
    Found(Snapshot),
    /// An event that made us ask, with the answer. It does not ask again, unless the payment has
    /// moved meanwhile.
    Answered { event: ProviderEvent, answer: Snapshot },
}

impl Input {
    pub fn event(&self) -> Option<&ProviderEvent> {
        match self {
            Self::Event(event) | Self::Answered { event, .. } => Some(event),
            Self::Found(_) => None,
        }
    }

    pub fn answer(&self) -> Option<&Snapshot> {
        match self {
            Self::Found(answer) | Self::Answered { answer, .. } => Some(answer),
            Self::Event(_) => None,
        }
    }
}
