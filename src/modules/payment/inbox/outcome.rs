//! What became of a batch of webhooks, and what is left to do about it once it is committed.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    super::{
        book::{Book, Cause},
        model::{Decision, PaymentStatus},
        repo::{InboxRow, Settled},
    },
    schedule,
};
use crate::{
    kernel::{clock, ids::PaymentId},
    platform::telemetry::TraceContext,
};

/// An event that only the provider can settle: to be asked outside of any transaction.
#[derive(Debug)]
pub struct Question {
    pub inbox_id: i64,
    pub provider: String,
    pub provider_payment_id: String,
    pub payment_id: PaymentId,
    pub asked_at_version: i64,
    pub trace: Option<TraceContext>,
}

/// What a batch came to.
#[derive(Debug, Default)]
pub struct Applied {
    pub settled: Vec<Settled>,
    pub questions: Vec<Question>,
    /// There are events on the bus.
    pub published: bool,
    /// Deferred webhooks have become due.
    pub woken: bool,
    /// Webhooks deferred because nobody knew their payment, which nobody could lock either.
    pub unknown: Vec<i64>,
}

/// How long an event that is being asked about is left alone; if this process dies meanwhile,
/// another asks again.
pub const ASKING: TimeDelta = TimeDelta::seconds(30);

/// What to do with one webhook.
pub enum Verdict {
    Done {
        status: &'static str,
        reason: Option<String>,
    },
    /// Deferred or in question; `decision` is there when the payment is known.
    Later {
        reason: String,
        decision: Option<Box<Undecided>>,
    },
}

/// A decision that is to be made later, about a known payment.
pub struct Undecided {
    pub id: PaymentId,
    pub from: PaymentStatus,
    pub decision: Decision,
    pub cause: Cause,
}

impl Applied {
    pub fn note(&mut self, book: &mut Book, row: &InboxRow, verdict: Verdict) {
        match verdict {
            Verdict::Done { status, reason } => self.settled.push(Settled {
                id: row.id,
                status,
                reason,
                attempts: row.attempts + 1,
                next_attempt_at: None,
            }),
            Verdict::Later { reason, decision } => {
                if decision.is_none() {
                    self.unknown.push(row.id);
                }
                let asked = decision.and_then(|undecided| self.ask_or_defer(book, row, *undecided));
                self.settled.push(asked.unwrap_or_else(|| deferred(row, reason)));
            }
        }
    }

    /// A question is remembered for after the transaction; a first deferral is history.
    fn ask_or_defer(
        &mut self,
        book: &mut Book,
        row: &InboxRow,
        undecided: Undecided,
    ) -> Option<Settled> {
        let Undecided { id, from, decision, cause } = undecided;
        if !matches!(decision, Decision::Ask(_)) {
            if row.attempts == 0 {
                book.record(id, from, &decision, &cause);
            }
            return None;
        }
        let payment = book.payment(id)?;
        self.questions.push(Question {
            inbox_id: row.id,
            provider: row.provider.clone(),
            provider_payment_id: payment.provider_payment_id.clone()?,
            payment_id: id,
            asked_at_version: payment.version,
            trace: cause.trace,
        });
        Some(Settled {
            id: row.id,
            status: "deferred",
            reason: Some("asking_provider".to_owned()),
            attempts: row.attempts,
            next_attempt_at: Some(clock::now() + ASKING),
        })
    }
}

/// Tried again later, until it has waited long enough.
pub fn deferred(row: &InboxRow, reason: String) -> Settled {
    let attempts = row.attempts + 1;
    match schedule::delay(attempts) {
        Some(delay) => Settled {
            id: row.id,
            status: "deferred",
            reason: Some(reason),
            attempts,
            next_attempt_at: Some(later(delay)),
        },
        None => dead(row, reason),
    }
}

fn later(delay: std::time::Duration) -> DateTime<Utc> {
    clock::now() + delay
}

pub fn dead(row: &InboxRow, reason: String) -> Settled {
    tracing::error!(inbox_id = row.id, event_id = row.event_id, reason, "webhook is dead");
    Settled {
        id: row.id,
        status: "dead",
        reason: Some(reason),
        attempts: row.attempts + 1,
        next_attempt_at: None,
    }
}
