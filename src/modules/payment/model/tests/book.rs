//! A payment with what the repo would store of it, and the invariants of every step.

use std::collections::HashSet;

use crate::kernel::money::Money;
use crate::modules::payment::model::{
    Amounts, Applied, Decision, FactRow, Facts, Input, LedgerKind, Payment, PaymentStatus, Signal,
    decide,
};

pub fn usd(minor: i64) -> Money {
    Money::new(minor, "USD".parse().unwrap())
}

#[derive(Debug, Clone)]
pub struct Book {
    pub payment: Payment,
    pub rows: Vec<FactRow>,
    ledger: Amounts,
    ledger_keys: HashSet<(i64, LedgerKind)>,
}

/// What must be the same whatever the order of arrival.
pub type EndState = (PaymentStatus, bool, Amounts);

impl Book {
    /// A payment of 10.00 USD.
    pub fn new() -> Self {
        Self {
            payment: Payment::new(usd(1000)),
            rows: Vec::new(),
            ledger: Amounts::default(),
            ledger_keys: HashSet::new(),
        }
    }

    pub fn end(&self) -> EndState {
        (self.payment.status, self.payment.closed, self.payment.amounts())
    }

    /// Decides, checks, and stores what was applied.
    pub fn feed(&mut self, input: &Input) -> Decision {
        let decision = decide(&self.payment, input);
        assert_eq!(decision, decide(&self.payment, input), "decide is pure");
        if let Decision::Applied(step) = &decision {
            self.store(step);
            let again = decide(&self.payment, input);
            assert!(!matches!(again, Decision::Applied(_)), "twice is once: {input:?} {again:?}");
        }
        decision
    }

    fn store(&mut self, step: &Applied) {
        let (before, after) = (&self.payment, &step.next);
        assert_eq!(step.from, before.status);
        assert_eq!(after.version, before.version + 1, "every step is a version");
        assert_eq!(after.expected, before.expected);
        let same = Payment { version: after.version, ..before.clone() };
        assert_ne!(&same, after, "no version without a change");
        let (from, to) = (before.status, after.status);
        assert!(from.may_become(to), "{from} → {to}");
        if to.rank() < from.rank() {
            let back = (from, to) == (PaymentStatus::Refunded, PaymentStatus::Captured);
            let unpaid = (from, to) == (PaymentStatus::Authorized, PaymentStatus::Failed);
            assert!(back || unpaid, "{from} → {to}");
            assert_eq!(back, step.signals.contains(&Signal::Reopened));
        }
        self.rows.extend(step.facts.iter().cloned());
        for row in &step.ledger {
            assert_ne!(row.delta_minor, 0);
            assert!(self.ledger_keys.insert((after.version, row.kind)), "one row per kind");
            *match row.kind {
                LedgerKind::Captured => &mut self.ledger.captured_minor,
                LedgerKind::Refunded => &mut self.ledger.refunded_minor,
                LedgerKind::Disputed => &mut self.ledger.disputed_minor,
            } += row.delta_minor;
        }
        self.payment = after.clone();
        self.check();
    }

    fn check(&self) {
        let (payment, amounts) = (&self.payment, self.payment.amounts());
        let Amounts { captured_minor, refunded_minor, disputed_minor } = amounts;
        assert!(captured_minor >= 0 && refunded_minor >= 0 && disputed_minor >= 0, "{amounts:?}");
        assert!(amounts.net_minor() >= 0, "{amounts:?}");
        assert_eq!(self.ledger, amounts, "the ledger adds up");
        assert_eq!(payment.status.is_paid(), captured_minor > 0, "{payment:?}");
        let refunded = captured_minor > 0 && refunded_minor == captured_minor;
        assert_eq!(payment.status == PaymentStatus::Refunded, refunded, "{payment:?}");
        assert!(!payment.closed || payment.status == PaymentStatus::Failed, "{payment:?}");
        assert!(captured_minor > 0 || !payment.facts.claim_money(), "{payment:?}");
        let keys: HashSet<_> = self.rows.iter().map(|r| (r.kind, &r.reference, r.state)).collect();
        assert_eq!(keys.len(), self.rows.len(), "facts are unique by reference and state");
        assert_eq!(Facts::from_rows(&self.rows).as_ref(), Ok(&payment.facts), "rows hold all");
    }
}
