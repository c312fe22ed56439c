//! Every order of a few events, not a sample of them.

use super::{
    book::{Book, EndState},
    language::{event, show},
};
use crate::modules::payment::model::{Amounts, Decision, Facts, Input, PaymentStatus};

/// Enough to reach every state, and every edge between two.
const ALPHABET: &[&str] = &[
    "processing",
    "authorized",
    "attempt_failed",
    "canceled",
    "captured",
    "captured =400",
    "captured =1000",
    "refund_succeeded re_1 400",
    "refund_succeeded re_1 400 =400",
    "refund_failed re_1 400",
    "refund_succeeded re_2 600 =1000",
    "refund_failed re_2 600",
    "dispute_opened dp_1 700 =1000",
    "dispute_won dp_1 700 =1000",
    "dispute_lost dp_2 5000 =1000",
    "dispute_opened dp_2 5000",
];

fn permutations<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for at in 0..items.len() {
        let mut rest = items.to_vec();
        let first = rest.remove(at);
        for mut tail in permutations(&rest) {
            tail.insert(0, first.clone());
            all.push(tail);
        }
    }
    all
}

/// The end of an order, unless something had to be asked on the way.
fn unasked(phrases: &[&str]) -> Option<(EndState, Facts)> {
    let mut book = Book::new();
    for phrase in phrases {
        if let Decision::Ask(_) = book.feed(&Input::Event(event(phrase))) {
            return None;
        }
    }
    Some((book.end(), book.payment.facts))
}

#[test]
fn every_order_of_any_four_events_that_asks_nothing_ends_alike() {
    let (mut compared, mut orders) = (0, 0);
    let n = ALPHABET.len();
    for code in 0..n.pow(4) {
        let pick = [code / n.pow(3), code / n.pow(2) % n, code / n % n, code % n];
        if !pick.is_sorted() {
            continue;
        }
        let events = pick.map(|at| ALPHABET[at]);
        let ends: Vec<_> =
            permutations(&events).iter().filter_map(|order| unasked(order)).collect();
        assert!(ends.windows(2).all(|pair| pair[0] == pair[1]), "{events:?}: {ends:?}");
        orders += 24;
        compared += ends.len();
    }
    assert_eq!(orders, 3876 * 24);
    assert!(compared > 20_000, "only {compared} orders asked nothing");
}

#[test]
fn every_permutation_of_authorized_captured_and_two_refunds_ends_refunded() {
    let all = Amounts { captured_minor: 1000, refunded_minor: 1000, disputed_minor: 0 };
    let known = [
        "authorized",
        "captured =1000",
        "refund_succeeded re_1 400 =1000",
        "refund_succeeded re_2 600 =1000",
    ];
    for order in permutations(&known) {
        let (end, _) = unasked(&order).unwrap();
        assert_eq!(end, (PaymentStatus::Refunded, false, all), "{order:?}");
    }
    // And when no refund tells of the capture: what must wait for it waits, and is retried.
    let silent =
        ["authorized", "captured =1000", "refund_succeeded re_1 400", "refund_succeeded re_2 600"];
    for order in permutations(&silent) {
        let (mut book, mut waiting) = (Book::new(), Vec::new());
        for phrase in order.iter().copied() {
            if show(&book.feed(&Input::Event(event(phrase)))).starts_with("ask") {
                waiting.push(phrase);
            }
        }
        for phrase in waiting {
            book.feed(&Input::Event(event(phrase)));
        }
        assert_eq!(book.end(), (PaymentStatus::Refunded, false, all), "{order:?}");
    }
}
