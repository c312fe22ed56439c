//! Which metrics and labels a query asks for. No parser: what is not a word of the language is a
//! name.

use std::collections::BTreeSet;

/// What a query names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub metrics: BTreeSet<String>,
    /// Of selectors, `by` and `on`.
    pub labels: BTreeSet<String>,
}

const WORDS: [&str; 8] = ["and", "or", "unless", "bool", "offset", "inf", "nan", "atan2"];
const GROUPING: [&str; 6] = ["by", "on", "without", "ignoring", "group_left", "group_right"];

pub fn asked(query: &str) -> Asked {
    let mut asked = Asked::default();
    let mut rest = query;
    let mut grouping = false;
    while let Some(next) = rest.chars().next() {
        let word: String = rest.chars().take_while(|c| is_name(*c)).collect();
        if !word.is_empty() {
            rest = &rest[word.len()..];
            let after = rest.trim_start();
            let called = ["(", "by ", "by(", "without "].iter().any(|s| after.starts_with(s));
            if GROUPING.contains(&word.as_str()) {
                grouping = true;
            } else if !called && !WORDS.contains(&word.as_str()) && !starts_with_digit(&word) {
                asked.metrics.insert(word);
            }
            continue;
        }
        rest = match next {
            '{' => {
                let (inside, after) = rest[1..].split_once('}').unwrap();
                asked.labels.extend(selected(inside));
                after
            }
            '(' if grouping => {
                let (inside, after) = rest[1..].split_once(')').unwrap();
                grouping = false;
                let named = inside.split(',').map(str::trim).filter(|label| !label.is_empty());
                asked.labels.extend(named.map(str::to_owned));
                after
            }
            '[' => rest.split_once(']').unwrap().1,
            _ => &rest[next.len_utf8()..],
        };
    }
    asked
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// A number or a duration.
fn starts_with_digit(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}

/// The names before `=`, `!=`, `=~`, `!~`; values are in quotation marks.
fn selected(matchers: &str) -> Vec<String> {
    let outside: String = matchers.split('"').step_by(2).collect();
    let names = outside.split(',').map(|m| m.trim().trim_end_matches(['=', '!', '~']).trim());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[test]
fn names_are_told_from_words() {
    let query = r#"sum by (le, route) (rate(a_bucket{method="POST", route=~"/a,b/.*"}[5m] offset 1h)) / on (x) 60 > max(b:c) and d"#;
    let asked = asked(query);
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(asked.metrics, set(&["a_bucket", "b:c", "d"]));
    assert_eq!(asked.labels, set(&["le", "route", "method", "x"]));
}
