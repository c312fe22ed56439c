//! The table of section 3: what each kind of event means in each state.

use super::{
    decision::{Decision, Deferral, Question, Rejection, Staleness},
    draft::Draft,
    event::{EventKind, ProviderEvent, ProviderStatus, Snapshot, Topic},
    fact_row::DisputeState,
    facts::Conflict,
    status::PaymentStatus,
};

/// `Ok` is the decision in case nothing changed; `Err` ends the weighing.
type Verdict = Result<Decision, Decision>;

const OUTDATED: Verdict = Ok(Decision::Stale(Staleness::Outdated));

/// Adds one event to the draft. If `answer` is there, it has been adopted before, and the event
/// asks nothing any more.
pub(super) fn hear(
    draft: &mut Draft<'_>,
    event: &ProviderEvent,
    answer: Option<&Snapshot>,
) -> Verdict {
    // First the capture, which any event may imply: in the same step, so that no instant shows a
    // refund without it.
    let capture = event.captured_minor.and_then(|minor| {
        let heard = draft.facts.hear_capture(minor);
        draft.note(heard).ok()
    });
    match (&event.kind, event.kind.topic()) {
        (_, Topic::Refund { reference, amount_minor, said }) => {
            let heard = draft.facts.hear_refund(reference, amount_minor, said);
            let noted = draft.note(heard);
            noted.or_else(|conflict| {
                let listed = answer.and_then(|a| a.refund(reference));
                contradicted(conflict, answer, listed.is_some_and(|state| state >= said))
            })
        }
        (_, Topic::Dispute { reference, amount_minor, said }) => {
            let heard = draft.facts.hear_dispute(reference, amount_minor, said);
            let noted = draft.note(heard);
            noted.or_else(|conflict| {
                let listed = answer.and_then(|a| a.dispute(reference));
                let settled = |state| state == said || state != DisputeState::Open;
                contradicted(conflict, answer, listed.is_some_and(settled))
            })
        }
        (EventKind::Authorized, _) => authorized(draft, answer),
        (EventKind::Captured, _) => captured(draft, capture, answer),
        (EventKind::AttemptFailed, _) => attempt_failed(draft, answer),
        (EventKind::Canceled, _) => Ok(canceled(draft)),
        (EventKind::RefundTotal { cumulative_minor }, _) => {
            refund_total(draft, *cumulative_minor, answer)
        }
        (_, Topic::Progress) => Ok(Decision::Ignored),
    }
}

fn authorized(draft: &mut Draft<'_>, answer: Option<&Snapshot>) -> Verdict {
    match draft.status {
        _ if draft.is_paid() => OUTDATED,
        PaymentStatus::Pending => {
            draft.status = PaymentStatus::Authorized;
            Ok(Decision::Duplicate)
        }
        // A canceled payment cannot be authorized again: this is an older event, come late.
        PaymentStatus::Failed if draft.closed => OUTDATED,
        // A new attempt, or the one that failed, told late? Only the provider knows.
        PaymentStatus::Failed => ask_or_overrule(answer),
        _ => Ok(Decision::Duplicate),
    }
}

fn attempt_failed(draft: &mut Draft<'_>, answer: Option<&Snapshot>) -> Verdict {
    match draft.status {
        _ if draft.is_paid() => OUTDATED,
        PaymentStatus::Pending => {
            draft.status = PaymentStatus::Failed;
            Ok(Decision::Ignored)
        }
        // An earlier attempt, told late, or this one?
        PaymentStatus::Authorized => ask_or_overrule(answer),
        _ => Ok(Decision::Ignored),
    }
}

/// Authorized or failed? Once asked, the answer has been adopted, and what still contradicts it is
/// past. While an attempt is on its way the provider's answer settles nothing: taking either side
/// would make the end depend on when we asked.
fn ask_or_overrule(answer: Option<&Snapshot>) -> Verdict {
    match answer.map(|a| a.status) {
        None => Err(Decision::Ask(Question::AttemptUnclear)),
        Some(ProviderStatus::Processing) => Err(Decision::Deferred(Deferral::StillProcessing)),
        Some(_) => Ok(Decision::Stale(Staleness::Overruled)),
    }
}

fn canceled(draft: &mut Draft<'_>) -> Decision {
    if draft.is_paid() {
        return Decision::Stale(Staleness::CanceledAfterCapture);
    }
    draft.close();
    Decision::Duplicate
}

/// A sum tells of no single refund; if it is not that of those we know, the provider lists them.
/// Once asked, its list has been adopted, and what still differs is undecided or past.
fn refund_total(draft: &Draft<'_>, cumulative_minor: i64, answer: Option<&Snapshot>) -> Verdict {
    match answer {
        _ if draft.facts.refunds_claimed() == i128::from(cumulative_minor) => {
            Ok(Decision::Duplicate)
        }
        None => Err(Decision::Ask(Question::RefundsUnknown)),
        Some(_) => Ok(Decision::Stale(Staleness::Overruled)),
    }
}

/// `capture` is what the event's own amount came to.
fn captured(draft: &Draft<'_>, capture: Option<Decision>, answer: Option<&Snapshot>) -> Verdict {
    let told = answer.map(|a| (a.captured_minor.filter(|minor| *minor > 0), a.status));
    match (capture, told) {
        (Some(_), _) | (None, Some((Some(_), _))) if draft.status == PaymentStatus::Refunded => {
            OUTDATED
        }
        (Some(decision), _) => Ok(decision),
        (None, None) => Err(Decision::Ask(Question::MissingAmount)),
        (None, Some((Some(_), _))) => Ok(Decision::Duplicate),
        (None, Some((None, ProviderStatus::Captured))) => {
            Err(Decision::Quarantined(Rejection::MissingAmount))
        }
        // It says captured, and when asked not yet: its left hand lags behind its right one.
        (None, Some((None, _))) => Err(Decision::Deferred(Deferral::CaptureUnknown)),
    }
}

/// The event contradicts the facts. Ask; when the answer speaks of that refund or dispute with a
/// word as strong as the event's, the answer stands, else a human decides.
fn contradicted(conflict: Conflict, answer: Option<&Snapshot>, settled: bool) -> Verdict {
    match answer {
        None => Err(Decision::Ask(conflict.question())),
        Some(_) if settled => Ok(Decision::Stale(Staleness::Overruled)),
        Some(_) => Err(Decision::Quarantined(conflict.rejection())),
    }
}
