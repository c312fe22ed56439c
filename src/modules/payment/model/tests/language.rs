//! A small language for events, so that tables and failures read as the design does.
//!
//! `kind [reference amount] [=captured]`, then `? status [=captured]` for the provider's answer;
//! `found status [=captured]` when we looked ourselves. Amounts in cents of 10.00 USD.

use crate::modules::payment::model::{
    Decision, EventKind, Input, Payment, ProviderEvent, ProviderStatus, Snapshot,
};

use super::book::usd;

pub fn kind(word: &str, reference: &str, amount_minor: i64) -> EventKind {
    let (refund_ref, dispute_ref) = (reference.to_owned(), reference.to_owned());
    match word {
        "processing" => EventKind::Processing,
        "authorized" => EventKind::Authorized,
        "captured" => EventKind::Captured,
        "attempt_failed" => EventKind::AttemptFailed,
        "canceled" => EventKind::Canceled,
        "refund_succeeded" => EventKind::RefundSucceeded { refund_ref, amount_minor },
        "refund_failed" => EventKind::RefundFailed { refund_ref, amount_minor },
        "refund_total" => EventKind::RefundTotal { cumulative_minor: amount_minor },
        "dispute_opened" => EventKind::DisputeOpened { dispute_ref, amount_minor },
        "dispute_won" => EventKind::DisputeWon { dispute_ref, amount_minor },
        "dispute_lost" => EventKind::DisputeLost { dispute_ref, amount_minor },
        other => panic!("no event `{other}`"),
    }
}

/// Splits `=1000` off a phrase.
fn amount_of(phrase: &str) -> (Vec<&str>, Option<i64>) {
    let (tail, head): (Vec<_>, Vec<_>) =
        phrase.split_whitespace().partition(|word| word.starts_with('='));
    (head, tail.first().map(|word| word[1..].parse().unwrap()))
}

pub fn event(phrase: &str) -> ProviderEvent {
    let (words, captured_minor) = amount_of(phrase);
    let reference = words.get(1).copied().unwrap_or_default();
    let amount_minor = words.get(2).map_or(0, |word| word.parse().unwrap());
    let kind = kind(words[0], reference, amount_minor);
    ProviderEvent { kind, currency: usd(0).currency, captured_minor }
}

pub fn snapshot(phrase: &str, payment: &Payment) -> Snapshot {
    let (words, captured_minor) = amount_of(phrase);
    Snapshot {
        asked_at_version: payment.version,
        status: words[0].parse::<ProviderStatus>().unwrap(),
        currency: usd(0).currency,
        captured_minor,
        refunds: None,
        disputes: None,
    }
}

pub fn input(phrase: &str, payment: &Payment) -> Input {
    if let Some(found) = phrase.strip_prefix("found ") {
        return Input::Found(snapshot(found, payment));
    }
    match phrase.split_once('?') {
        Some((said, answer)) => {
            Input::Answered { event: event(said), answer: snapshot(answer, payment) }
        }
        None => Input::Event(event(phrase)),
    }
}

/// `→ captured 1000/400/0`: the state after, and captured/refunded/disputed once money moved.
pub fn state(payment: &Payment) -> String {
    let amounts = payment.amounts();
    let status = if payment.closed { "final" } else { payment.status.as_str() };
    match amounts.captured_minor {
        0 => status.to_owned(),
        captured => {
            format!("{status} {captured}/{}/{}", amounts.refunded_minor, amounts.disputed_minor)
        }
    }
}

pub fn show(decision: &Decision) -> String {
    match decision {
        Decision::Applied(step) => format!("→ {}", state(&step.next)),
        other => [Some(other.as_str()), other.reason().filter(|why| *why != "outdated")]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" "),
    }
}
