//! The payment while it is being judged: facts are added, then the step is drawn up from what
//! changed.

use super::{
    amounts::ledger_deltas,
    decision::{Applied, Decision, Staleness},
    event::{EventKind, ProviderStatus, Snapshot},
    fact_row::FactRow,
    facts::{Conflict, Facts, Heard},
    payment::Payment,
    signals::signals,
    status::PaymentStatus,
};

pub(super) struct Draft<'a> {
    before: &'a Payment,
    pub(super) status: PaymentStatus,
    pub(super) closed: bool,
    pub(super) facts: Facts,
    rows: Vec<FactRow>,
}

impl<'a> Draft<'a> {
    pub(super) fn of(before: &'a Payment) -> Self {
        let Payment { status, closed, ref facts, .. } = *before;
        Self { before, status, closed, facts: facts.clone(), rows: Vec::new() }
    }

    /// Is captured money among the facts?
    pub(super) fn is_paid(&self) -> bool {
        self.facts.captured_minor > 0
    }

    /// Keeps the row of what was news. `Ok` is the decision in case nothing else changes.
    pub(super) fn note(&mut self, heard: Heard) -> Result<Decision, Conflict> {
        match heard {
            Heard::New(row) => {
                self.rows.push(row);
                Ok(Decision::Duplicate)
            }
            Heard::Known => Ok(Decision::Duplicate),
            Heard::Outranked => Ok(Decision::Stale(Staleness::Outdated)),
            Heard::Conflict(conflict) => Err(conflict),
        }
    }

    /// Takes over what the provider answered. It may settle a verdict on a dispute; a refund or
    /// dispute whose recorded amount it contradicts cannot be unsaid in an append-only table, and
    /// is left to a human.
    pub(super) fn adopt(&mut self, answer: &Snapshot) -> Result<(), Decision> {
        self.adopt_facts(answer).map_err(|conflict| Decision::Quarantined(conflict.rejection()))?;
        // Money outranks any status, and a cancel was the provider's final word on an unpaid one.
        if self.is_paid() || self.closed {
            return Ok(());
        }
        match (answer.status, self.status) {
            (ProviderStatus::Authorized, _) => self.status = PaymentStatus::Authorized,
            (ProviderStatus::AttemptFailed, _)
            | (ProviderStatus::AwaitingMethod, PaymentStatus::Authorized) => {
                self.status = PaymentStatus::Failed;
            }
            (ProviderStatus::Canceled, _) => self.close(),
            // On its way, or captured without an amount: no word of a status of ours.
            (
                ProviderStatus::AwaitingMethod
                | ProviderStatus::Processing
                | ProviderStatus::Captured,
                _,
            ) => {}
        }
        Ok(())
    }

    fn adopt_facts(&mut self, answer: &Snapshot) -> Result<(), Conflict> {
        if let Some(minor) = answer.captured_minor {
            let heard = self.facts.hear_capture(minor);
            self.note(heard)?;
        }
        for said in answer.refunds.iter().flatten() {
            let heard = self.facts.hear_refund(&said.refund_ref, said.amount_minor, said.state);
            self.note(heard)?;
        }
        for said in answer.disputes.iter().flatten() {
            let heard = self.facts.settle_dispute(&said.dispute_ref, said.amount_minor, said.state);
            self.note(heard)?;
        }
        Ok(())
    }

    /// Canceled at the provider: failed, and nothing more to ask.
    pub(super) fn close(&mut self) {
        self.status = PaymentStatus::Failed;
        self.closed = true;
    }

    /// The decision: the step if anything stored changes, else `if_unchanged`.
    pub(super) fn conclude(mut self, if_unchanged: Decision, by: Option<&EventKind>) -> Decision {
        let amounts = self.facts.amounts();
        if self.is_paid() {
            self.closed = false;
            self.status = if amounts.refunded_minor == amounts.captured_minor {
                PaymentStatus::Refunded
            } else {
                PaymentStatus::Captured
            };
        }
        let same_state = (self.status, self.closed) == (self.before.status, self.before.closed);
        if same_state && self.rows.is_empty() {
            return if_unchanged;
        }
        let next = Payment {
            version: self.before.version.saturating_add(1),
            status: self.status,
            closed: self.closed,
            expected: self.before.expected,
            facts: self.facts,
        };
        Decision::Applied(Box::new(Applied {
            from: self.before.status,
            ledger: ledger_deltas(self.before.amounts(), amounts),
            signals: signals(self.before, &next, &self.rows, by),
            facts: self.rows,
            next,
        }))
    }
}
