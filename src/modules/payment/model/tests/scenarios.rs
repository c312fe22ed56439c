//! The scenarios of section 7 that concern one payment, and the rules that the table cannot show.

use super::{
    book::{Book, EndState},
    language::{event, input, show, snapshot},
};
use crate::modules::payment::model::{
    Amounts, Conflict, Decision, EventKind, FactKind, FactRow, FactState, Facts, Input,
    LedgerDelta, LedgerKind, PaymentStatus, ProviderEvent, RefundReport, RefundState, Signal,
    Snapshot, ledger_deltas,
};

/// Feeds phrases in order and says what was decided about the last one.
pub fn after(phrases: &[&str]) -> (Book, String) {
    let (mut book, mut last) = (Book::new(), String::new());
    for phrase in phrases {
        let input = input(phrase, &book.payment);
        last = show(&book.feed(&input));
    }
    (book, last)
}

fn end(phrases: &[&str]) -> EndState {
    after(phrases).0.end()
}

fn paid(status: PaymentStatus, captured: i64, refunded: i64, disputed: i64) -> EndState {
    let amounts =
        Amounts { captured_minor: captured, refunded_minor: refunded, disputed_minor: disputed };
    (status, false, amounts)
}

fn signals_of(phrases: &[&str], last: &str) -> Vec<Signal> {
    let (mut book, _) = after(phrases);
    let input = input(last, &book.payment);
    match book.feed(&input) {
        Decision::Applied(step) => step.signals,
        other => panic!("{other:?}"),
    }
}

use PaymentStatus::{Captured, Failed, Refunded};

#[test]
fn captured_before_authorized_ends_captured() {
    assert_eq!(end(&["captured =1000", "authorized"]), paid(Captured, 1000, 0, 0));
}

#[test]
fn failed_and_canceled_never_undo_a_capture() {
    for phrase in ["attempt_failed", "canceled"] {
        assert_eq!(end(&["captured =1000", phrase]), paid(Captured, 1000, 0, 0));
        assert_eq!(end(&[phrase, "captured =1000"]), paid(Captured, 1000, 0, 0), "it still wins");
    }
    assert_eq!(end(&["canceled"]), (Failed, true, Amounts::default()));
}

#[test]
fn the_same_capture_from_many_events_counts_once() {
    let (book, last) = after(&["captured =1000", "captured =1000", "found captured =1000"]);
    assert_eq!((book.payment.version, last.as_str()), (2, "ignored"));
    assert_eq!(book.end(), paid(Captured, 1000, 0, 0));
}

#[test]
fn a_refund_that_succeeded_and_then_failed_is_restored_in_either_order() {
    let (ok, failed) = ("refund_succeeded re_1 1000", "refund_failed re_1 1000");
    assert_eq!(end(&["captured =1000", ok, failed]), paid(Captured, 1000, 0, 0));
    assert_eq!(end(&["captured =1000", failed, ok]), paid(Captured, 1000, 0, 0));
    assert_eq!(end(&[failed, "captured =1000", ok]), paid(Captured, 1000, 0, 0));
    let signals = signals_of(&["captured =1000", ok], failed);
    assert_eq!(signals, [Signal::RefundReversed, Signal::Reopened]);
}

#[test]
fn refunds_beyond_the_capture_are_clamped_and_count_again_when_another_fails() {
    let way = ["captured =1000", "refund_succeeded re_1 700", "refund_succeeded re_2 700"];
    assert_eq!(end(&way), paid(Refunded, 1000, 1000, 0));
    assert_eq!(signals_of(&way[..2], way[2]), [Signal::RefundClamped]);
    let more = [way.as_slice(), &["refund_failed re_1 700"]].concat();
    assert_eq!(end(&more), paid(Captured, 1000, 700, 0));
}

#[test]
fn a_larger_capture_is_counted_even_after_a_full_refund() {
    let way = ["captured =400", "refund_succeeded re_1 400", "captured =1000"];
    assert_eq!(end(&way), paid(Captured, 1000, 400, 0));
    assert_eq!(signals_of(&way[..2], way[2]), [Signal::Reopened]);
}

#[test]
fn a_dispute_larger_than_the_capture_leaves_nothing_and_never_less() {
    let (book, _) = after(&["captured =1000", "dispute_opened dp_1 5000"]);
    assert_eq!(
        (book.end(), book.payment.amounts().net_minor()),
        (paid(Captured, 1000, 0, 1000), 0)
    );
}

#[test]
fn a_dispute_won_twice_is_restored_once_and_a_late_opening_does_not_count() {
    let way = ["captured =1000", "dispute_opened dp_1 300", "dispute_won dp_1 300"];
    let (book, last) = after(&[way.as_slice(), &["dispute_won dp_1 300"]].concat());
    assert_eq!((book.end(), last.as_str()), (paid(Captured, 1000, 0, 0), "duplicate"));
    let (book, last) = after(&[way[0], way[2], way[1]]);
    assert_eq!((book.end(), last.as_str()), (paid(Captured, 1000, 0, 0), "stale"));
}

#[test]
fn a_dispute_on_a_refunded_payment_counts_when_the_refund_fails() {
    let way = ["captured =1000", "refund_succeeded re_1 1000", "dispute_opened dp_1 600"];
    assert_eq!(end(&way), paid(Refunded, 1000, 1000, 0));
    let more = [way.as_slice(), &["refund_failed re_1 1000"]].concat();
    assert_eq!(end(&more), paid(Captured, 1000, 0, 600));
}

#[test]
fn signals_tell_what_somebody_should_count() {
    use Signal::{
        AmountMismatch, CaptureAfterCancel, DisputeClamped, ImpliedCapture, LateCapture,
        SkippedAuthorization,
    };
    assert_eq!(signals_of(&["authorized"], "captured =1000"), []);
    assert_eq!(signals_of(&[], "captured =900"), [SkippedAuthorization, AmountMismatch]);
    assert_eq!(signals_of(&["captured =900"], "captured =1000"), [], "the mismatch is healed");
    assert_eq!(signals_of(&["attempt_failed"], "captured =1000"), [LateCapture]);
    assert_eq!(signals_of(&["canceled"], "captured =1000"), [LateCapture, CaptureAfterCancel]);
    let implied = signals_of(&["authorized"], "dispute_lost dp_1 2000 =1000");
    assert_eq!(implied, [ImpliedCapture, DisputeClamped]);
    assert_eq!(signals_of(&["authorized"], "found captured =1000"), [ImpliedCapture]);
}

#[test]
fn a_signal_is_given_once_when_it_happens() {
    let clamped = ["captured =900", "refund_succeeded re_1 700", "refund_succeeded re_2 700"];
    let way = [clamped.as_slice(), &["dispute_opened dp_1 50"]].concat();
    assert_eq!(signals_of(&way, "refund_failed re_9 10"), [], "not again, and re_9 never counted");
}

#[test]
fn capture_and_implied_refund_enter_the_ledger_in_one_step() {
    let mut book = Book::new();
    let Decision::Applied(step) =
        book.feed(&Input::Event(event("refund_succeeded re_1 400 =1000")))
    else {
        panic!("applied")
    };
    let row = |kind, delta_minor| LedgerDelta { kind, delta_minor };
    assert_eq!(step.ledger, [row(LedgerKind::Captured, 1000), row(LedgerKind::Refunded, 400)]);
    let facts: Vec<_> = step.facts.iter().map(|f| (f.reference.as_str(), f.state)).collect();
    assert_eq!(facts, [("1000", FactState::Captured), ("re_1", FactState::Succeeded)]);
    assert_eq!(ledger_deltas(step.next.amounts(), step.next.amounts()), []);
}

#[test]
fn another_currency_no_amount_and_no_reference_are_quarantined_in_every_state() {
    let euro = |phrase| ProviderEvent { currency: "EUR".parse().unwrap(), ..event(phrase) };
    for way in [[].as_slice(), &["canceled"], &["captured =1000"]] {
        let (mut book, _) = after(way);
        let before = book.payment.clone();
        for phrase in ["captured =1000", "processing", "refund_succeeded re_1 1"] {
            let said = show(&book.feed(&Input::Event(euro(phrase))));
            assert_eq!(said, "quarantined currency_mismatch");
        }
        let bad = [
            "captured =0",
            "captured =-5",
            "authorized =-1",
            "refund_succeeded re_1 0 =1000",
            "refund_total - -1",
            "refund_failed re_1 -1",
            "dispute_opened dp_1 0 =1000",
            "found captured =-1",
        ];
        for phrase in bad {
            let said = show(&book.feed(&input(phrase, &before)));
            assert_eq!(said, "quarantined invalid_amount", "{phrase}");
        }
        let nameless = EventKind::RefundSucceeded { refund_ref: String::new(), amount_minor: 5 };
        let nameless = ProviderEvent { kind: nameless, ..event("captured =1000") };
        let said = show(&book.feed(&Input::Event(nameless)));
        assert_eq!(said, "quarantined missing_reference");
        assert_eq!(book.payment, before, "nothing moved");
    }
}

#[test]
fn a_sum_of_refunds_brings_those_that_nobody_told_us_of() {
    let (mut book, asked) = after(&["captured =1000", "refund_total - 400"]);
    assert_eq!(asked, "ask refunds_unknown");
    let listed = RefundReport {
        refund_ref: "re_1".into(),
        amount_minor: 400,
        state: RefundState::Succeeded,
    };
    let answer =
        Snapshot { refunds: Some(vec![listed]), ..snapshot("captured =1000", &book.payment) };
    let event = event("refund_total - 400");
    let said = show(&book.feed(&Input::Answered { event: event.clone(), answer }));
    assert_eq!(said, "→ captured 1000/400/0");
    assert_eq!(show(&book.feed(&Input::Event(event))), "duplicate");
}

#[test]
fn facts_that_contradict_each_other_are_not_rebuilt() {
    let row = |amount_minor, state| FactRow {
        kind: FactKind::Refund,
        reference: "re_1".into(),
        state,
        amount_minor,
    };
    let rows = [row(400, FactState::Succeeded), row(300, FactState::Failed)];
    assert_eq!(Facts::from_rows(&rows), Err(Conflict::Amount));
}

#[test]
fn words_survive_the_database() {
    for status in PaymentStatus::ALL {
        assert_eq!(status.as_str().parse(), Ok(*status));
        assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
    }
    let ranks: Vec<_> = PaymentStatus::ALL.iter().map(|status| status.rank()).collect();
    assert_eq!(ranks, [0, 1, 2, 3, 4]);
    assert_eq!("COMPLETED".parse::<PaymentStatus>().unwrap_err().of, "PaymentStatus");
}
