//! What about a step is worth a metric.

use super::{
    decision::Signal,
    event::EventKind,
    fact_row::{DisputeState, FactKind, FactRow, FactState},
    payment::Payment,
    status::PaymentStatus,
};

/// `by` is the event that led to the step; none when we looked ourselves.
pub(super) fn signals(
    before: &Payment,
    after: &Payment,
    rows: &[FactRow],
    by: Option<&EventKind>,
) -> Vec<Signal> {
    let from = before.status;
    let captured_more = after.facts.captured_minor > before.facts.captured_minor;
    let first_capture = captured_more && before.facts.captured_minor == 0;
    // A clamp is counted when it grows, not again with each later step.
    let ((refunds_were, disputes_were), (refunds, disputes)) = (excess(before), excess(after));
    [
        (first_capture && from == PaymentStatus::Pending, Signal::SkippedAuthorization),
        (first_capture && from == PaymentStatus::Failed, Signal::LateCapture),
        (first_capture && before.closed, Signal::CaptureAfterCancel),
        (captured_more && by != Some(&EventKind::Captured), Signal::ImpliedCapture),
        (captured_more && after.amount_mismatch(), Signal::AmountMismatch),
        (refunds > refunds_were, Signal::RefundClamped),
        (disputes > disputes_were, Signal::DisputeClamped),
        (rows.iter().any(|row| reverses_refund(before, row)), Signal::RefundReversed),
        (from == PaymentStatus::Refunded && after.status != from, Signal::Reopened),
        (rows.iter().any(|row| overrules_verdict(before, row)), Signal::VerdictOverruled),
    ]
    .into_iter()
    .filter_map(|(happened, signal)| happened.then_some(signal))
    .collect()
}

/// What was claimed beyond the clamp, of refunds and of disputes.
fn excess(payment: &Payment) -> (i128, i128) {
    let (facts, amounts) = (&payment.facts, payment.amounts());
    (
        facts.refunds_claimed() - i128::from(amounts.refunded_minor),
        facts.disputes_claimed() - i128::from(amounts.disputed_minor),
    )
}

/// Does the row fail a refund that had counted?
fn reverses_refund(before: &Payment, row: &FactRow) -> bool {
    row.kind == FactKind::Refund
        && row.state == FactState::Failed
        && before.facts.refunds.get(&row.reference).is_some_and(|refund| refund.succeeded)
}

fn overrules_verdict(before: &Payment, row: &FactRow) -> bool {
    let known = before.facts.disputes.get(&row.reference).map(|dispute| dispute.state);
    row.kind == FactKind::Dispute
        && matches!(
            (known, row.state),
            (Some(DisputeState::Won), FactState::Lost) | (Some(DisputeState::Lost), FactState::Won)
        )
}
