//! Arbitrary nonsense: never a panic, never a broken invariant, never an endless question.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{
    book::{Book, usd},
    language::kind,
};
use crate::modules::payment::model::{
    Decision, DisputeReport, DisputeState, Input, ProviderEvent, ProviderStatus, Question,
    RefundReport, RefundState, Snapshot,
};

const KINDS: &[&str] = &[
    "processing",
    "authorized",
    "captured",
    "attempt_failed",
    "canceled",
    "refund_total",
    "refund_succeeded",
    "refund_failed",
    "dispute_opened",
    "dispute_won",
    "dispute_lost",
];

fn minor() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => select(vec![300_i64, 400, 600, 1000, 1500]),
        1 => select(vec![i64::MIN, -1, 0, 1, i64::MAX]),
    ]
}

fn reference() -> impl Strategy<Value = String> {
    prop_oneof![9 => select(vec!["a", "b"]), 1 => Just("")].prop_map(str::to_owned)
}

fn code() -> impl Strategy<Value = &'static str> {
    prop_oneof![20 => Just("USD"), 1 => Just("EUR")]
}

fn event() -> impl Strategy<Value = ProviderEvent> {
    (select(KINDS), reference(), minor(), option::of(minor()), code()).prop_map(
        |(word, reference, amount, captured_minor, code)| ProviderEvent {
            kind: kind(word, &reference, amount),
            currency: code.parse().unwrap(),
            captured_minor,
        },
    )
}

/// An answer, and whether the payment moved while it was fetched.
fn answer() -> impl Strategy<Value = (Snapshot, bool)> {
    let refunds = vec((reference(), minor(), select(RefundState::ALL)), 0..3);
    let disputes = vec((reference(), minor(), select(DisputeState::ALL)), 0..3);
    let status = select(ProviderStatus::ALL);
    let lists = (option::of(refunds), option::of(disputes));
    (status, option::of(minor()), lists, code(), prop::bool::weighted(0.1)).prop_map(
        |(status, captured_minor, (refunds, disputes), code, moved)| {
            let refunds = refunds.map(|all| {
                all.into_iter()
                    .map(|(refund_ref, amount_minor, state)| RefundReport {
                        refund_ref,
                        amount_minor,
                        state,
                    })
                    .collect()
            });
            let disputes = disputes.map(|all| {
                all.into_iter()
                    .map(|(dispute_ref, amount_minor, state)| DisputeReport {
                        dispute_ref,
                        amount_minor,
                        state,
                    })
                    .collect()
            });
            let currency = code.parse().unwrap();
            let asked_at_version = 0;
            let answer =
                Snapshot { asked_at_version, status, currency, captured_minor, refunds, disputes };
            (answer, moved)
        },
    )
}

fn feed(book: &mut Book, event: Option<ProviderEvent>, answer: Option<(Snapshot, bool)>) {
    let moved = answer.as_ref().is_some_and(|(_, moved)| *moved);
    let answer = answer.map(|(answer, _)| Snapshot {
        asked_at_version: book.payment.version - i64::from(moved),
        ..answer
    });
    let input = match (event, answer) {
        (Some(event), None) => Input::Event(event),
        (None, Some(answer)) => Input::Found(answer),
        (Some(event), Some(answer)) => Input::Answered { event, answer },
        (None, None) => return,
    };
    let bad_currency = input.event().is_some_and(|e| e.currency != usd(0).currency);
    let decision = book.feed(&input);
    assert!(!bad_currency || decision.reason() == Some("currency_mismatch"), "{decision:?}");
    if let (Decision::Ask(question), Some(_)) = (&decision, input.answer()) {
        assert_eq!((*question, moved), (Question::AnswerOutdated, true), "answered, asks again");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn no_input_breaks_an_invariant(
        inputs in vec((option::weighted(0.8, event()), option::weighted(0.4, answer())), 1..20),
    ) {
        let mut book = Book::new();
        for (event, answer) in inputs {
            feed(&mut book, event, answer);
        }
    }
}
