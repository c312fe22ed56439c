//! What the provider settles when it is asked, and what it cannot.

use super::{
    book::Book,
    language::{event, input, show, snapshot, state},
    scenarios::after,
};
use crate::modules::payment::model::{
    Decision, DisputeReport, DisputeState, Input, RefundReport, RefundState, Signal, Snapshot,
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
    let open = ["captured =1000", "dispute_opened dp_1 300"];
    let other_amount =
        answered(&mut after(&open).0, "dispute_opened dp_1 200", None, Some((300, Open)));
    assert_eq!(other_amount, "stale overruled");
    let (mut book, _) = after(&lost);
    answered(&mut book, won, None, Some((300, Won)));
    let back = answered(&mut book, "dispute_lost dp_1 300", None, Some((300, Won)));
    assert_eq!(back, "stale overruled");
    let flip = answered(&mut book, "dispute_lost dp_1 300", None, Some((300, Lost)));
    assert_eq!(flip, "quarantined conflicting_verdict", "a verdict turns once, not twice");
}

#[test]
fn a_look_at_the_provider_brings_lost_refunds_and_verdicts() {
    let (mut book, _) = after(&["captured =1000", "dispute_lost dp_1 300"]);
    let mut found = snapshot("captured =1000", &book.payment);
    let amount_minor = 400;
    found.refunds = Some(vec![RefundReport {
        refund_ref: "re_1".into(),
        amount_minor,
        state: RefundState::Succeeded,
    }]);
    found.disputes = Some(vec![DisputeReport {
        dispute_ref: "dp_1".into(),
        amount_minor: 300,
        state: DisputeState::Won,
    }]);
    // Listed without their capture, they wait for it.
    let mut unpaid = Book::new();
    let early = Snapshot { asked_at_version: 1, captured_minor: None, ..found.clone() };
    assert_eq!(show(&unpaid.feed(&Input::Found(early))), "deferred capture_unknown");
    let Decision::Applied(step) = book.feed(&Input::Found(found)) else { panic!("applied") };
    assert_eq!(step.signals, [Signal::VerdictOverruled]);
    assert_eq!(state(&step.next), "captured 1000/400/0");
}
