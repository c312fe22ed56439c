//! Section 3's table, cell by cell, from `table.md`.

use super::{
    book::Book,
    language::{event, input, show},
};
use crate::modules::payment::model::Input;

const TABLE: &str = include_str!("table.md");

/// The states that head the columns, by the events that lead to them.
const STATES: &[(&str, &[&str])] = &[
    ("pending", &[]),
    ("failed", &["attempt_failed"]),
    ("final", &["canceled"]),
    ("authorized", &["authorized"]),
    ("captured", &["captured =1000"]),
    ("part refunded", &["captured =1000", "refund_succeeded re_1 400"]),
    ("disputed", &["captured =1000", "dispute_opened dp_1 300"]),
    ("refunded", &["captured =1000", "refund_succeeded re_1 400", "refund_succeeded re_2 600"]),
];

fn cells(line: &str) -> Vec<&str> {
    line.trim().trim_matches('|').split('|').map(str::trim).collect()
}

fn row(phrase: &str) -> String {
    let judged = STATES.iter().map(|(_, way)| {
        let mut book = Book::new();
        for step in *way {
            book.feed(&Input::Event(event(step)));
        }
        let input = input(phrase, &book.payment);
        show(&book.feed(&input))
    });
    let cells: Vec<_> = std::iter::once(phrase.to_owned()).chain(judged).collect();
    format!("| {} |", cells.join(" | "))
}

#[test]
fn every_event_in_every_state_is_judged_as_the_table_says() {
    let mut lines = TABLE.lines().filter(|line| line.starts_with('|'));
    let head = cells(lines.next().unwrap());
    let states: Vec<_> = STATES.iter().map(|(name, _)| *name).collect();
    assert_eq!(head[1..], states);
    let (mut wrong, mut judged) = (Vec::new(), 0);
    for line in lines.skip(1) {
        let want = cells(line);
        let got = row(want[0]);
        judged += want.len() - 1;
        if cells(&got) != want {
            wrong.push(got);
        }
    }
    assert!(wrong.is_empty(), "the code says:\n{}", wrong.join("\n"));
    assert_eq!(judged, 8 * 46, "a row of the table was lost");
}
