//! What operators are told of a decision, once all that follows from it has been written.

use chrono::TimeDelta;
use metrics::{counter, histogram};

use super::super::{
    model::{Applied, PaymentStatus},
    repo::PaymentRow,
};
use crate::kernel::money::Currency;

pub struct Tally {
    provider: String,
    currency: Currency,
    /// The status that was reached, if it is another one.
    reached: Option<PaymentStatus>,
    /// From the making of the payment to its first outcome, if this is it.
    took: Option<TimeDelta>,
    captured_minor: i64,
    signals: Vec<&'static str>,
}

impl Tally {
    /// `row` is as it has become.
    pub fn of(applied: &Applied, row: &PaymentRow, captured_before: i64) -> Self {
        let (from, to) = (applied.from, applied.next.status);
        let first = matches!(from, PaymentStatus::Pending | PaymentStatus::Authorized)
            && matches!(to, PaymentStatus::Captured | PaymentStatus::Failed);
        Self {
            provider: row.provider.clone(),
            currency: row.currency,
            reached: (from != to).then_some(to),
            took: first.then(|| row.updated_at - row.created_at),
            captured_minor: row.captured_minor - captured_before,
            signals: applied.signals.iter().map(|signal| signal.as_str()).collect(),
        }
    }

    pub fn count(&self) {
        for signal in &self.signals {
            counter!("payment_signals_total", "signal" => *signal).increment(1);
        }
        if let Some(status) = self.reached {
            let labels =
                [("status", status.as_str().to_owned()), ("provider", self.provider.clone())];
            counter!("payments_total", &labels).increment(1);
            if let Some(took) = self.took {
                histogram!("payment_processing_duration_seconds", &labels)
                    .record(took.to_std().unwrap_or_default());
            }
        }
        if self.captured_minor > 0 {
            counter!("donations_captured_minor_total", "currency" => self.currency.to_string())
                .increment(self.captured_minor.unsigned_abs());
        }
    }
}
