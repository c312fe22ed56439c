//! The edge: how often somebody may ask, who they are taken for, and which pages may call.

mod limits;
mod origins;
mod payments;
mod replicas;

use crate::support::{Response, Server, donation, server::Builder};

/// With limits, behind a proxy that is trusted.
fn limited() -> Builder {
    donation::builder()
        .env("CAREFORALL_RATE_LIMIT__ENABLED", "true")
        .env("CAREFORALL_HTTP__TRUSTED_PROXIES", "127.0.0.1")
}

/// A read from this address.
async fn read_from(server: &Server, address: &str) -> Response {
    let request = server.client().get("/api/v1/campaigns").header("x-forwarded-for", address);
    request.send().await
}

/// What is told about the limit: limit and remaining.
#[track_caller]
fn told(answer: &Response) -> (u32, u32) {
    let number = |name| answer.header(name).unwrap().parse::<u32>().unwrap();
    assert!(number("ratelimit-reset") <= 3_600);
    (number("ratelimit-limit"), number("ratelimit-remaining"))
}

/// One request too many: 429, and when to come again.
#[track_caller]
fn expect_limited(answer: Response) {
    let answer = answer.expect_problem(429, "rate-limited");
    let seconds: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3_600).contains(&seconds), "{seconds}");
    assert_eq!(told(&answer).1, 0);
}
