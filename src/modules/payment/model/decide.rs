//! The rules, in the order in which they apply.

use super::{
    decision::{Decision, Deferral, Question, Rejection},
    draft::Draft,
    event::{EventKind, Input, ProviderEvent, ProviderStatus, Snapshot, Topic},
    hear::hear,
    payment::Payment,
};

/// The largest integer that every reader of JSON keeps exact. More is no amount of money, and would
/// overflow a campaign's totals, which hold a thousand of these.
const LARGEST_MINOR: i64 = 9_007_199_254_740_991;

/// Judges one input. Pure and total: the same payment and input give the same decision, and every
/// pair has one.
///
/// The caller holds the payment's row lock from reading it to storing what
/// [`Decision::Applied`] carries.
pub fn decide(payment: &Payment, input: &Input) -> Decision {
    match weigh(payment, input) {
        Ok(decision) | Err(decision) => decision,
    }
}

/// `Err` is a decision that ends the weighing early.
fn weigh(payment: &Payment, input: &Input) -> Result<Decision, Decision> {
    check(payment, input)?;
    let answer = input.answer();
    let mut draft = Draft::of(payment);
    if let Some(answer) = answer {
        // Asked before the payment moved, the answer may describe an earlier moment than what has
        // been heard since.
        if answer.asked_at_version != payment.version {
            return Err(Decision::Ask(Question::AnswerOutdated));
        }
        draft.adopt(answer)?;
    }
    let if_unchanged = match input.event() {
        Some(event) => hear(&mut draft, event, answer)?,
        None => Decision::Ignored,
    };
    // "Imply capture": never a refund or dispute without its capture. No capture in the event →
    // ask; none at the provider either → defer.
    if draft.facts.captured_minor == 0 && draft.facts.claim_money() {
        return Err(match answer {
            None => Decision::Ask(Question::CaptureUnknown),
            Some(_) => Decision::Deferred(Deferral::CaptureUnknown),
        });
    }
    if !draft.is_paid() && answer.is_some_and(|a| a.status == ProviderStatus::Captured) {
        return Err(Decision::Quarantined(Rejection::MissingAmount));
    }
    Ok(draft.conclude(if_unchanged, input.event().map(|event| &event.kind)))
}

/// Refuses what must never touch money, whatever the state. Nothing to settle here by asking: a
/// payment's currency never changes, and an amount of 0 or less, or beyond all money, is no amount.
fn check(payment: &Payment, input: &Input) -> Result<(), Decision> {
    let said = [input.event().map(|e| e.currency), input.answer().map(|a| a.currency)];
    if said.into_iter().flatten().any(|currency| currency != payment.expected.currency) {
        return Err(Decision::Quarantined(Rejection::CurrencyMismatch));
    }
    input.event().map_or(Ok(()), check_event)?;
    input.answer().map_or(Ok(()), check_answer)
}

fn check_event(event: &ProviderEvent) -> Result<(), Decision> {
    // Only a capture of nothing is nonsense; a refund may tell of a capture still unseen.
    let least = i64::from(event.kind == EventKind::Captured);
    if event.captured_minor.is_some_and(|minor| !(least..=LARGEST_MINOR).contains(&minor)) {
        return Err(Decision::Quarantined(Rejection::InvalidAmount));
    }
    match event.kind.topic() {
        Topic::Progress => match event.kind {
            EventKind::RefundTotal { cumulative_minor }
                if !(0..=LARGEST_MINOR).contains(&cumulative_minor) =>
            {
                Err(Decision::Quarantined(Rejection::InvalidAmount))
            }
            _ => Ok(()),
        },
        Topic::Refund { reference, amount_minor, .. }
        | Topic::Dispute { reference, amount_minor, .. } => check_claim(reference, amount_minor),
    }
}

fn check_answer(answer: &Snapshot) -> Result<(), Decision> {
    if answer.captured_minor.is_some_and(|minor| !(0..=LARGEST_MINOR).contains(&minor)) {
        return Err(Decision::Quarantined(Rejection::InvalidAmount));
    }
    for refund in answer.refunds.iter().flatten() {
        check_claim(&refund.refund_ref, refund.amount_minor)?;
    }
    for dispute in answer.disputes.iter().flatten() {
        check_claim(&dispute.dispute_ref, dispute.amount_minor)?;
    }
    Ok(())
}

fn check_claim(reference: &str, amount_minor: i64) -> Result<(), Decision> {
    if !(1..=LARGEST_MINOR).contains(&amount_minor) {
        return Err(Decision::Quarantined(Rejection::InvalidAmount));
    }
    if reference.is_empty() {
        return Err(Decision::Quarantined(Rejection::MissingReference));
    }
    Ok(())
}
