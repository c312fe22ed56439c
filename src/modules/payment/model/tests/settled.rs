//! What the provider settles when it is asked, and what it cannot.

use super::{
    book::Book,
    language::{event, input, show, snapshot},
    scenarios::after,
};
use crate::modules::payment::model::{
    DisputeReport, DisputeState, Input, RefundReport, RefundState,
};

#[test]
fn an_answer_from_before_the_payment_moved_is_asked_again() {
    let (mut book, _) = after(&["attempt_failed"]);
    let old = input("authorized ? awaiting_method", &book.payment);
    book.feed(&input("canceled", &book.payment.clone()));
    assert_eq!(show(&book.feed(&old)), "ask answer_outdated");
}

/// The answer to `phrase` when the provider lists `re_1` and `dp_1` so.
fn answered(
    book: &mut Book,
    phrase: &str,
    refund: Option<(i64, RefundState)>,
    dispute: Option<(i64, DisputeState)>,
) -> String {
    assert!(show(&book.feed(&Input::Event(event(phrase)))).starts_with("ask"), "{phrase}");
    let mut answer = snapshot("captured =1000", &book.payment);
    answer.refunds = refund.map(|(amount_minor, state)| {
        vec![RefundReport { refund_ref: "re_1".into(), amount_minor, state }]
    });
    answer.disputes = dispute.map(|(amount_minor, state)| {
        vec![DisputeReport { dispute_ref: "dp_1".into(), amount_minor, state }]
    });
    show(&book.feed(&Input::Answered { event: event(phrase), answer }))
}

#[test]
fn two_amounts_of_one_refund_are_settled_by_the_provider_or_a_human() {
    let way = ["captured =1000", "refund_succeeded re_1 400"];
    let cases = [
        ("refund_succeeded re_1 300", Some((400, RefundState::Succeeded)), "stale overruled"),
        ("refund_failed re_1 300", Some((400, RefundState::Failed)), "→ captured 1000/0/0"),
        // It says failed by one voice and succeeded by the other: nobody can know.
        (
            "refund_failed re_1 300",
            Some((400, RefundState::Succeeded)),
            "quarantined conflicting_amount",
        ),
        // The record itself is contradicted, and cannot be unsaid.
        (
            "refund_succeeded re_1 300",
            Some((300, RefundState::Succeeded)),
            "quarantined conflicting_amount",
        ),
        ("refund_succeeded re_1 300", None, "quarantined conflicting_amount"),
    ];
    for (phrase, listed, want) in cases {
        assert_eq!(answered(&mut after(&way).0, phrase, listed, None), want, "{phrase}");
    }
}

#[test]
fn of_two_verdicts_on_a_dispute_the_provider_chooses() {
    use DisputeState::{Lost, Open, Won};
    let lost = ["captured =1000", "dispute_lost dp_1 300"];
    let won = "dispute_won dp_1 300";
    let cases = [
        (Some((300, Won)), "→ captured 1000/0/0"),
        (Some((300, Lost)), "stale overruled"),
        (Some((300, Open)), "quarantined conflicting_verdict"),
        (None, "quarantined conflicting_verdict"),
    ];
    for (listed, want) in cases {
        assert_eq!(answered(&mut after(&lost).0, won, None, listed), want, "{listed:?}");
    }
    let (mut book, _) = after(&lost);
    answered(&mut book, won, None, Some((300, Won)));
    let back = answered(&mut book, "dispute_lost dp_1 300", None, Some((300, Won)));
    assert_eq!(back, "stale overruled");
    let flip = answered(&mut book, "dispute_lost dp_1 300", None, Some((300, Lost)));
    assert_eq!(flip, "quarantined conflicting_verdict", "a verdict turns once, not twice");
}
