//! One payment in the two books: what each says, and where they differ.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        api::{ProviderDisputeStatus, ProviderPayment, ProviderRefundStatus, ProviderStatus},
        model::Facts,
        repo::{PaymentRow, PendingRefund},
    },
    report::{Difference, Orphan, ProviderReport, ReturnDifference, ReturnKind, Sums, Word},
};

/// What went back of one payment, by the provider's names.
pub type Returned = BTreeMap<(ReturnKind, String), Word>;

/// One payment, as far as each of the two has it.
#[derive(Debug)]
pub struct Pair {
    pub ours: Option<PaymentRow>,
    pub theirs: Option<ProviderPayment>,
    /// What went back, where that is to be compared: ours, and theirs.
    pub returned: Option<(Returned, Returned)>,
}

/// Something that is not in both books alike.
#[derive(Debug)]
pub enum Finding {
    UnknownHere(Orphan),
    UnknownThere(Orphan),
    Different(Difference),
    Returned(ReturnDifference),
}

impl Finding {
    /// What it is about, whatever the amounts.
    pub fn about(&self) -> (&'static str, String) {
        match self {
            Self::UnknownHere(orphan) => ("unknown_here", orphan.provider_payment_id.clone()),
            Self::UnknownThere(orphan) => ("unknown_there", orphan.provider_payment_id.clone()),
            Self::Different(found) => ("different", found.provider_payment_id.clone()),
            Self::Returned(found) => (found.kind.as_str(), found.reference.clone()),
        }
    }

    pub fn report(self, to: &mut ProviderReport) {
        match self {
            Self::UnknownHere(orphan) => to.unknown_here.push(orphan),
            Self::UnknownThere(orphan) => to.unknown_there.push(orphan),
            Self::Different(found) => to.different.push(found),
            Self::Returned(found) => to.returned.push(found),
        }
    }
}

impl Pair {
    /// Where the two differ.
    pub fn findings(&self) -> Vec<Finding> {
        match (&self.ours, &self.theirs) {
            (Some(ours), Some(theirs)) => self.differences(ours, theirs),
            (Some(ours), None) => vec![Finding::UnknownThere(orphan_of_ours(ours))],
            // made beside another one of the same payment, and undone: nobody is owed anything
            (None, Some(theirs)) if theirs.status == ProviderStatus::Canceled => Vec::new(),
            (None, Some(theirs)) => vec![Finding::UnknownHere(orphan_of_theirs(theirs))],
            (None, None) => Vec::new(),
        }
    }

    fn differences(&self, ours: &PaymentRow, theirs: &ProviderPayment) -> Vec<Finding> {
        let mut findings = Vec::new();
        if ours.captured_minor != theirs.captured_minor || ours.currency != theirs.currency {
            findings.push(Finding::Different(Difference {
                payment_id: ours.id,
                provider_payment_id: theirs.provider_payment_id.clone(),
                ours_currency: ours.currency,
                ours_captured_minor: ours.captured_minor,
                theirs_currency: theirs.currency,
                theirs_captured_minor: theirs.captured_minor,
            }));
        }
        let Some((here, there)) = &self.returned else { return findings };
        let keys: BTreeSet<_> = here.keys().chain(there.keys()).collect();
        for key in keys {
            let (ours_word, theirs_word) = (here.get(key).copied(), there.get(key).copied());
            if differ(ours_word, theirs_word) {
                findings.push(Finding::Returned(ReturnDifference {
                    kind: key.0,
                    reference: key.1.clone(),
                    payment_id: ours.id,
                    provider_payment_id: theirs.provider_payment_id.clone(),
                    ours: ours_word,
                    theirs: theirs_word,
                }));
            }
        }
        findings
    }

    /// Adds what the two have of it.
    pub fn sum(&self, to: &mut BTreeMap<String, Sums>) {
        let theirs =
            self.theirs.as_ref().filter(|_| self.ours.is_some() || !self.findings().is_empty());
        let currency = theirs.map(|p| p.currency).or(self.ours.as_ref().map(|p| p.currency));
        let Some(currency) = currency else { return };
        let sums = to.entry(currency.to_string()).or_default();
        if let Some(ours) = &self.ours {
            sums.ours += 1;
            sums.ours_captured_minor += ours.captured_minor;
        }
        if let Some(theirs) = theirs {
            sums.theirs += 1;
            sums.theirs_captured_minor += theirs.captured_minor;
        }
        if let Some((here, there)) = &self.returned {
            sums.ours_refunded_minor += gone(here, ReturnKind::Refund);
            sums.ours_disputed_minor += gone(here, ReturnKind::Dispute);
            sums.theirs_refunded_minor += gone(there, ReturnKind::Refund);
            sums.theirs_disputed_minor += gone(there, ReturnKind::Dispute);
        }
    }
}

/// What only one of the two knows differs where money is gone, or we take it to be on its way.
fn differ(ours: Option<Word>, theirs: Option<Word>) -> bool {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => ours != theirs,
        (Some(ours), None) => ours.is_gone() || ours.status == "pending",
        (None, Some(theirs)) => theirs.is_gone(),
        (None, None) => false,
    }
}

fn gone(returned: &Returned, kind: ReturnKind) -> i64 {
    let words = returned.iter().filter(|((of, _), word)| *of == kind && word.is_gone());
    words.map(|(_, word)| word.amount_minor).sum()
}

/// What we have heard of, and what the provider has accepted and not decided.
pub fn ours(facts: &Facts, pending: &[PendingRefund]) -> Returned {
    let open = pending.iter().map(|refund| {
        let word = Word { status: "pending", amount_minor: refund.amount_minor };
        ((ReturnKind::Refund, refund.provider_refund_id.clone()), word)
    });
    let refunds = facts.refunds.iter().map(|(name, fact)| {
        let word = Word { status: fact.state().as_str(), amount_minor: fact.amount_minor };
        ((ReturnKind::Refund, name.clone()), word)
    });
    let disputes = facts.disputes.iter().map(|(name, fact)| {
        let word = Word { status: fact.state.as_str(), amount_minor: fact.amount_minor };
        ((ReturnKind::Dispute, name.clone()), word)
    });
    // a decision outranks our row, which follows it
    open.chain(refunds).chain(disputes).collect()
}

/// What the provider shows; `None`: it does not show all of it.
pub fn theirs(payment: &ProviderPayment) -> Option<Returned> {
    let (refunds, disputes) = (payment.refunds.as_ref()?, payment.disputes.as_ref()?);
    let refunds = refunds.iter().map(|refund| {
        let status = match refund.status {
            ProviderRefundStatus::Pending => "pending",
            ProviderRefundStatus::Succeeded => "succeeded",
            ProviderRefundStatus::Failed => "failed",
        };
        let word = Word { status, amount_minor: refund.amount_minor };
        ((ReturnKind::Refund, refund.provider_refund_id.clone()), word)
    });
    let disputes = disputes.iter().map(|dispute| {
        let status = match dispute.status {
            ProviderDisputeStatus::Open => "open",
            ProviderDisputeStatus::Won => "won",
            ProviderDisputeStatus::Lost => "lost",
        };
        let word = Word { status, amount_minor: dispute.amount_minor };
        ((ReturnKind::Dispute, dispute.provider_dispute_id.clone()), word)
    });
    Some(refunds.chain(disputes).collect())
}

fn orphan_of_theirs(payment: &ProviderPayment) -> Orphan {
    Orphan {
        provider_payment_id: payment.provider_payment_id.clone(),
        payment_id: payment.payment_id,
        currency: payment.currency,
        captured_minor: payment.captured_minor,
    }
}

fn orphan_of_ours(row: &PaymentRow) -> Orphan {
    Orphan {
        provider_payment_id: row.provider_payment_id.clone().unwrap_or_default(),
        payment_id: Some(row.id),
        currency: row.currency,
        captured_minor: row.captured_minor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::unnecessary_wraps, reason = "as the two books have it")]
    const fn word(status: &'static str, amount_minor: i64) -> Option<Word> {
        Some(Word { status, amount_minor })
    }

    #[test]
    fn what_one_of_them_does_not_know_differs_only_where_money_is_gone_or_on_its_way() {
        for gone in ["succeeded", "open", "lost"] {
            assert!(differ(word(gone, 1), None) && differ(None, word(gone, 1)), "{gone}");
        }
        for kept in ["failed", "won"] {
            assert!(!differ(word(kept, 1), None) && !differ(None, word(kept, 1)), "{kept}");
        }
        // a refund that was accepted and is no longer known there; one made there, undecided
        assert!(differ(word("pending", 1), None));
        assert!(!differ(None, word("pending", 1)));
    }

    #[test]
    fn what_both_know_differs_in_word_or_amount() {
        assert!(!differ(word("succeeded", 1), word("succeeded", 1)));
        assert!(differ(word("succeeded", 1), word("succeeded", 2)));
        assert!(differ(word("succeeded", 1), word("failed", 1)));
        assert!(differ(word("pending", 1), word("succeeded", 1)));
        assert!(differ(word("won", 1), word("lost", 1)));
    }
}
