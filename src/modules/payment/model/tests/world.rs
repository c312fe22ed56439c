//! A true provider, and a worker that delivers its events badly: out of order, repeated, asking
//! when told to ask and retrying what was deferred.

use std::collections::BTreeMap;

use super::book::{Book, EndState, usd};
use crate::modules::payment::model::{
    Amounts, Decision, DisputeReport, DisputeState, EventKind, Input, PaymentStatus, ProviderEvent,
    ProviderStatus, RefundReport, RefundState, Snapshot,
};

/// What really happened at the provider, in its true order. Written without the model's own
/// facts, so that the one checks the other.
#[derive(Debug, Clone)]
pub struct World {
    pub history: Vec<ProviderEvent>,
    /// The true cumulative captured amount after each event of the history.
    pub captured: Vec<i64>,
    /// False verdicts on disputes: sent, and denied when asked.
    pub lies: Vec<ProviderEvent>,
    /// Do its answers list refunds and disputes?
    pub lists: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// The provider answers with the truth of the moment.
    Clear,
    /// It answers as if no money had moved yet: its reads lag behind its events.
    Lagging,
}

impl World {
    fn refunds(&self, until: usize) -> BTreeMap<&str, (i64, RefundState)> {
        let mut refunds = BTreeMap::new();
        for event in &self.history[..until] {
            match &event.kind {
                EventKind::RefundSucceeded { refund_ref, amount_minor } => {
                    refunds.insert(refund_ref.as_str(), (*amount_minor, RefundState::Succeeded));
                }
                EventKind::RefundFailed { refund_ref, amount_minor } => {
                    refunds.insert(refund_ref.as_str(), (*amount_minor, RefundState::Failed));
                }
                _ => {}
            }
        }
        refunds
    }

    fn disputes(&self, until: usize) -> BTreeMap<&str, (i64, DisputeState)> {
        let mut disputes = BTreeMap::new();
        for event in &self.history[..until] {
            let (said, state) = match &event.kind {
                EventKind::DisputeOpened { dispute_ref: r, amount_minor: a } => {
                    ((r, a), DisputeState::Open)
                }
                EventKind::DisputeWon { dispute_ref: r, amount_minor: a } => {
                    ((r, a), DisputeState::Won)
                }
                EventKind::DisputeLost { dispute_ref: r, amount_minor: a } => {
                    ((r, a), DisputeState::Lost)
                }
                _ => continue,
            };
            disputes.insert(said.0.as_str(), (*said.1, state));
        }
        disputes
    }

    /// The provider's own status before any money moved.
    fn unpaid_status(&self, until: usize) -> ProviderStatus {
        let words = self.history[..until].iter().rev();
        let mut status = words.filter_map(|event| match event.kind {
            EventKind::Processing => Some(ProviderStatus::Processing),
            EventKind::Authorized => Some(ProviderStatus::Authorized),
            EventKind::AttemptFailed => Some(ProviderStatus::AttemptFailed),
            EventKind::Canceled => Some(ProviderStatus::Canceled),
            _ => None,
        });
        status.next().unwrap_or(ProviderStatus::AwaitingMethod)
    }

    fn answer(&self, until: usize, sight: Sight, asked_at_version: i64) -> Snapshot {
        let captured = until.checked_sub(1).map_or(0, |last| self.captured[last]);
        let blind = sight == Sight::Lagging || captured == 0;
        let lists = self.lists && !blind;
        let refunds = self.refunds(until).into_iter();
        let disputes = self.disputes(until).into_iter();
        Snapshot {
            asked_at_version,
            status: if blind { self.unpaid_status(until) } else { ProviderStatus::Captured },
            currency: usd(0).currency,
            captured_minor: (!blind).then_some(captured),
            refunds: lists.then(|| {
                refunds
                    .map(|(r, (amount_minor, state))| RefundReport {
                        refund_ref: r.to_owned(),
                        amount_minor,
                        state,
                    })
                    .collect()
            }),
            disputes: lists.then(|| {
                disputes
                    .map(|(r, (amount_minor, state))| DisputeReport {
                        dispute_ref: r.to_owned(),
                        amount_minor,
                        state,
                    })
                    .collect()
            }),
        }
    }

    /// Where a payment that heard of everything must stand.
    pub fn truth(&self) -> EndState {
        let until = self.history.len();
        let captured_minor = self.captured.last().copied().unwrap_or(0);
        if captured_minor == 0 {
            let said = |kind: &EventKind| self.history.iter().any(|event| event.kind == *kind);
            let (status, closed) = match self.unpaid_status(until) {
                ProviderStatus::Canceled => (PaymentStatus::Failed, true),
                ProviderStatus::Authorized => (PaymentStatus::Authorized, false),
                _ if said(&EventKind::AttemptFailed) => (PaymentStatus::Failed, false),
                _ => (PaymentStatus::Pending, false),
            };
            return (status, closed, Amounts::default());
        }
        let counted = self.refunds(until).into_values().filter(|r| r.1 == RefundState::Succeeded);
        let refunded_minor = counted.map(|r| r.0).sum::<i64>().min(captured_minor);
        let held = self.disputes(until).into_values().filter(|d| d.1 != DisputeState::Won);
        let disputed_minor = held.map(|d| d.0).sum::<i64>().min(captured_minor - refunded_minor);
        let full = refunded_minor == captured_minor;
        let status = if full { PaymentStatus::Refunded } else { PaymentStatus::Captured };
        (status, false, Amounts { captured_minor, refunded_minor, disputed_minor })
    }
}

pub struct Worker<'a> {
    pub world: &'a World,
    pub book: Book,
    pub waiting: Vec<ProviderEvent>,
    pub asked: usize,
    /// How much of the history has happened; grows with what is delivered.
    clock: usize,
    sight: Sight,
}

impl<'a> Worker<'a> {
    pub fn new(world: &'a World, sight: Sight) -> Self {
        Self { world, book: Book::new(), waiting: Vec::new(), asked: 0, clock: 0, sight }
    }

    /// Delivers the event number `at`: of the history, then of the lies. It cannot arrive before
    /// it happened.
    pub fn deliver(&mut self, at: usize) {
        let world = self.world;
        self.clock = self.clock.max((at + 1).min(world.history.len()));
        let event = world.history.get(at).or_else(|| world.lies.get(at - world.history.len()));
        self.process(event.unwrap().clone());
    }

    fn process(&mut self, event: ProviderEvent) {
        let captured = self.book.payment.amounts().captured_minor;
        let mut decision = self.book.feed(&Input::Event(event.clone()));
        if let Decision::Ask(_) = decision {
            self.asked += 1;
            let answer = self.world.answer(self.clock, self.sight, self.book.payment.version);
            decision = self.book.feed(&Input::Answered { event: event.clone(), answer });
        }
        match decision {
            Decision::Deferred(_) => self.waiting.push(event),
            Decision::Ask(_) | Decision::Quarantined(_) => panic!("{decision:?} for {event:?}"),
            _ => {}
        }
        if self.book.payment.amounts().captured_minor > captured {
            self.retry();
        }
    }

    /// What a capture, or time, wakes.
    pub fn retry(&mut self) {
        for event in std::mem::take(&mut self.waiting) {
            self.process(event);
        }
    }

    /// The provider's reads have caught up, and the hourly retry comes.
    pub fn catch_up(&mut self) {
        (self.clock, self.sight) = (self.world.history.len(), Sight::Clear);
        self.retry();
    }
}
