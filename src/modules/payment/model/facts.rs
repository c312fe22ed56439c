//! What the provider has said about the money, kept for good.
//!
//! Facts only grow: the largest cumulative capture, and for each refund and dispute the words
//! said about it. Hearing something twice, or in another order, ends with the same facts.

use std::collections::BTreeMap;

use super::{
    amounts::Amounts,
    fact_row::{DisputeState, FactKind, FactRow, FactState, RefundState},
    words::words,
};

/// A refund, and which of the two words have been said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefundFact {
    pub amount_minor: i64,
    pub succeeded: bool,
    pub failed: bool,
}

impl RefundFact {
    /// Failed wins.
    pub fn state(self) -> RefundState {
        if self.failed { RefundState::Failed } else { RefundState::Succeeded }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DisputeFact {
    pub amount_minor: i64,
    pub state: DisputeState,
    /// The provider, asked, once took back the opposite verdict. A verdict that would turn a
    /// second time is left to a human: its row is in the table already.
    pub overruled: bool,
}

/// Everything the provider has said about a payment's money.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The largest cumulative amount said to be captured; 0 when nothing is.
    pub captured_minor: i64,
    /// By the provider's refund id.
    pub refunds: BTreeMap<String, RefundFact>,
    /// By the provider's dispute id.
    pub disputes: BTreeMap<String, DisputeFact>,
}

/// What came of hearing one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It is news, has been added, and this row records it.
    New(FactRow),
    Known,
    /// A higher word was heard before; nothing to add.
    Outranked,
    /// It contradicts what is known; nothing was added.
    Conflict(Conflict),
}

words! {
    /// How a statement contradicts the facts.
    Conflict {
        /// The same refund or dispute, another amount.
        Amount = "conflicting_amount",
        /// One dispute, both won and lost.
        Verdict = "conflicting_verdict",
    }
}

impl Facts {
    /// Rebuilds the facts from their rows, in the order in which they were inserted (it decides
    /// only between two verdicts on one dispute, of which the later one settled it).
    pub fn from_rows(rows: &[FactRow]) -> Result<Self, Conflict> {
        let mut facts = Self::default();
        for row in rows {
            let (reference, minor) = (row.reference.as_str(), row.amount_minor);
            let heard = match row.state {
                FactState::Captured => facts.hear_capture(minor),
                FactState::Succeeded => facts.hear_refund(reference, minor, RefundState::Succeeded),
                FactState::Failed => facts.hear_refund(reference, minor, RefundState::Failed),
                FactState::Open => facts.settle_dispute(reference, minor, DisputeState::Open),
                FactState::Won => facts.settle_dispute(reference, minor, DisputeState::Won),
                FactState::Lost => facts.settle_dispute(reference, minor, DisputeState::Lost),
            };
            if let Heard::Conflict(conflict) = heard {
                return Err(conflict);
            }
        }
        Ok(facts)
    }

    /// Captures are cumulative: the largest amount ever said is the one that counts.
    pub fn hear_capture(&mut self, cumulative_minor: i64) -> Heard {
        match cumulative_minor.cmp(&self.captured_minor) {
            std::cmp::Ordering::Less => Heard::Outranked,
            std::cmp::Ordering::Equal => Heard::Known,
            std::cmp::Ordering::Greater => {
                self.captured_minor = cumulative_minor;
                Heard::New(FactRow {
                    kind: FactKind::Capture,
                    reference: cumulative_minor.to_string(),
                    state: FactState::Captured,
                    amount_minor: cumulative_minor,
                })
            }
        }
    }

    pub fn hear_refund(&mut self, reference: &str, amount_minor: i64, said: RefundState) -> Heard {
        let known = self.refunds.get(reference).copied();
        let mut fact =
            known.unwrap_or(RefundFact { amount_minor, succeeded: false, failed: false });
        if fact.amount_minor != amount_minor {
            return Heard::Conflict(Conflict::Amount);
        }
        let (word, state) = match said {
            RefundState::Succeeded => (&mut fact.succeeded, FactState::Succeeded),
            RefundState::Failed => (&mut fact.failed, FactState::Failed),
        };
        if std::mem::replace(word, true) {
            return Heard::Known;
        }
        self.refunds.insert(reference.to_owned(), fact);
        let reference = reference.to_owned();
        Heard::New(FactRow { kind: FactKind::Refund, reference, state, amount_minor })
    }

    /// Of two different verdicts neither is taken: the provider must be asked.
    pub fn hear_dispute(
        &mut self,
        reference: &str,
        amount_minor: i64,
        said: DisputeState,
    ) -> Heard {
        match self.disputes.get(reference).map(|known| known.state) {
            Some(DisputeState::Won | DisputeState::Lost) if self.turns(reference, said) => {
                Heard::Conflict(Conflict::Verdict)
            }
            _ => self.settle_dispute(reference, amount_minor, said),
        }
    }

    /// As [`Self::hear_dispute`], with the authority of an answer: its verdict replaces the
    /// opposite one, once.
    pub fn settle_dispute(
        &mut self,
        reference: &str,
        amount_minor: i64,
        said: DisputeState,
    ) -> Heard {
        let turned = self.turns(reference, said);
        if let Some(known) = self.disputes.get(reference) {
            if known.amount_minor != amount_minor {
                return Heard::Conflict(Conflict::Amount);
            }
            if known.state == said {
                return Heard::Known;
            }
            if said == DisputeState::Open {
                return Heard::Outranked;
            }
            if turned && known.overruled {
                return Heard::Conflict(Conflict::Verdict);
            }
        }
        let fact = DisputeFact { amount_minor, state: said, overruled: turned };
        self.disputes.insert(reference.to_owned(), fact);
        let state = match said {
            DisputeState::Open => FactState::Open,
            DisputeState::Won => FactState::Won,
            DisputeState::Lost => FactState::Lost,
        };
        let reference = reference.to_owned();
        Heard::New(FactRow { kind: FactKind::Dispute, reference, state, amount_minor })
    }

    /// Would this word turn a verdict into its opposite?
    fn turns(&self, reference: &str, said: DisputeState) -> bool {
        matches!(
            (self.disputes.get(reference).map(|known| known.state), said),
            (Some(DisputeState::Won), DisputeState::Lost)
                | (Some(DisputeState::Lost), DisputeState::Won)
        )
    }

    /// Do the facts speak of money that went back, and so of a capture that must have been?
    pub fn claim_money(&self) -> bool {
        !self.disputes.is_empty() || self.refunds.values().any(|refund| refund.succeeded)
    }

    /// The effective amounts: refunds are clamped to what was captured, disputes to what is left
    /// of it. A dispute counts from its opening until it is won.
    pub fn amounts(&self) -> Amounts {
        let captured_minor = self.captured_minor.max(0);
        let refunded_minor = clamp(self.refunds_claimed(), captured_minor);
        let disputed_minor = clamp(self.disputes_claimed(), captured_minor - refunded_minor);
        Amounts { captured_minor, refunded_minor, disputed_minor }
    }

    /// Σ succeeded refunds before the clamp. Wide, so that no sum of amounts overflows.
    pub(super) fn refunds_claimed(&self) -> i128 {
        let counted = self.refunds.values().filter(|r| r.state() == RefundState::Succeeded);
        counted.map(|r| i128::from(r.amount_minor)).sum()
    }

    /// Σ open and lost disputes before the clamp.
    pub(super) fn disputes_claimed(&self) -> i128 {
        let counted = self.disputes.values().filter(|d| d.state != DisputeState::Won);
        counted.map(|d| i128::from(d.amount_minor)).sum()
    }
}

fn clamp(claimed: i128, limit: i64) -> i64 {
    i64::try_from(claimed).unwrap_or(limit).clamp(0, limit)
}
