//! When a call is worth repeating, and how long to wait before.

use std::time::Duration;

use reqwest::{Response, header::HeaderMap};

/// The first pause; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(2);
const ATTEMPTS: u32 = 5;

/// What an answer says about another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// 0: there was no answer.
    status: u16,
    /// Stripe's own advice.
    should_retry: Option<bool>,
    /// The answer to an earlier request of the same key, kept by Stripe: another attempt gets it
    /// again.
    replayed: bool,
    retry_after: Option<Duration>,
}

impl Heard {
    /// The connection failed, or broke.
    pub const NOTHING: Self =
        Self { status: 0, should_retry: None, replayed: false, retry_after: None };
}

impl From<&Response> for Heard {
    fn from(answer: &Response) -> Self {
        let flag = |name| Some(text(answer.headers(), name)? == "true");
        let seconds = text(answer.headers(), "retry-after").and_then(|s| s.trim().parse().ok());
        Self {
            status: answer.status().as_u16(),
            should_retry: flag("stripe-should-retry"),
            replayed: flag("idempotent-replayed") == Some(true),
            retry_after: seconds.map(Duration::from_secs),
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// How long to wait before attempt `attempt` + 1 (the first is 0); `None`: there is none.
pub fn wait(heard: &Heard, attempt: u32) -> Option<Duration> {
    if attempt + 1 >= ATTEMPTS || !worth_it(heard) {
        return None;
    }
    let step = FIRST.saturating_mul(1 << attempt.min(10)).min(LONGEST);
    // spread, so that those who were turned away together do not come back together
    let spread = step.mul_f64(rand::random_range(0.5..1.0));
    Some(heard.retry_after.map_or(spread, |asked| asked.max(spread)))
}

fn worth_it(heard: &Heard) -> bool {
    match heard {
        Heard { status: 200..=299, .. } | Heard { replayed: true, .. } => false,
        Heard { should_retry: Some(advice), .. } => *advice,
        // nothing was heard; the key is in use by an attempt under way; too many; Stripe is ill
        Heard { status, .. } => matches!(status, 0 | 409 | 429 | 500..),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(status: u16) -> Heard {
        Heard { status, ..Heard::NOTHING }
    }

    #[test]
    fn only_what_may_go_better_is_tried_again() {
        for (heard, again) in [
            (Heard::NOTHING, true),
            (heard(409), true),
            (heard(429), true),
            (heard(500), true),
            (heard(503), true),
            (heard(200), false),
            (heard(400), false),
            (heard(402), false),
            (heard(404), false),
            (Heard { replayed: true, ..heard(500) }, false),
            (Heard { should_retry: Some(false), ..heard(500) }, false),
            (Heard { should_retry: Some(true), ..heard(400) }, true),
            (Heard { should_retry: Some(true), replayed: true, ..heard(500) }, false),
        ] {
            assert_eq!(wait(&heard, 0).is_some(), again, "{heard:?}");
        }
        assert_eq!(wait(&heard(500), ATTEMPTS - 1), None);
    }

    #[test]
    fn pauses_grow_and_what_stripe_asks_for_is_kept() {
        for attempt in 0..ATTEMPTS - 1 {
            let pause = wait(&heard(503), attempt).unwrap();
            let full = FIRST * (1 << attempt);
            assert!((full / 2..=full).contains(&pause), "{attempt}: {pause:?}");
        }
        let asked = Heard { retry_after: Some(Duration::from_secs(3)), ..heard(429) };
        assert_eq!(wait(&asked, 0), Some(Duration::from_secs(3)));
    }
}
