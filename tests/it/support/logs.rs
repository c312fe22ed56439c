//! What must not be in a log: every server of every test is looked at when it ends.

/// What a token, a key or a hash begins with, and how many characters more make it one.
const SECRETS: [(&str, usize); 12] = [
    // a JSON web token
    ("eyJ", 20),
    ("cfa_", 16),
    ("whsec_", 16),
    ("sk_test_", 8),
    ("sk_live_", 8),
    ("rk_test_", 8),
    ("rk_live_", 8),
    ("_secret_", 16),
    ("Bearer ", 8),
    ("$argon2", 8),
    ("-----BEGIN ", 3),
    ("v1,", 40),
];

/// The lines of a log that tell an address or a secret.
pub fn leaks(log: &str) -> Vec<&str> {
    log.lines().filter(|line| has_address(line) || has_secret(line)).collect()
}

fn has_secret(line: &str) -> bool {
    let secret = |c: char| c.is_ascii_alphanumeric() || "-_+/=.$ ,".contains(c);
    SECRETS.iter().any(|(begin, more)| {
        line.match_indices(begin).any(|(at, _)| {
            line[at + begin.len()..].chars().take_while(|c| secret(*c)).count() >= *more
        })
    })
}

/// An e-mail address, or a URL with credentials.
fn has_address(line: &str) -> bool {
    line.match_indices('@').any(|(at, _)| {
        let word = |c: char| c.is_ascii_alphanumeric() || "._%+-".contains(c);
        let domain: String = line[at + 1..].chars().take_while(|c| word(*c)).collect();
        let before = line[..at].chars().next_back().is_some_and(word);
        before && domain.trim_end_matches('.').contains('.')
    })
}

#[test]
fn what_must_not_be_told_is_recognised() {
    for bad in [
        r#"{"message":"sent to ada@example.org"}"#,
        "postgres://u:pw@db.internal:5432/x",
        "authorization: Bearer 0123456789",
        "token eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.abc",
        "key cfa_0123456789abcdef0123",
        "sk_test_51H8abcdefgh",
        "pi_3_secret_0123456789abcdef",
        "$argon2id$v=19$m=19456",
    ] {
        assert_eq!(leaks(bad).len(), 1, "{bad}");
    }
    for good in [
        r#"{"timestamp":"2026-11-21T14:26:32.8Z","message":"request","http.route":"/api/v1/pledges"}"#,
        "index @ 5",
        "sbx_01938f1e7c1a",
        "evt_0193",
    ] {
        assert!(leaks(good).is_empty(), "{good}");
    }
}
