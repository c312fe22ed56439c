//! Manners of HTTP, from outside: what every route has in common.

mod bodies;
mod connections;
mod headers;
mod methods;
mod observing;
mod parameters;
mod raw;
mod slow_readers;

use crate::support::Response;

/// What holds for every problem, whoever made it.
#[track_caller]
pub fn expect_problem(response: &Response, status: u16, code: &str) {
    let body = &response.body;
    assert_eq!((response.status, body["code"].as_str()), (status, Some(code)), "{body:#}");
    assert_eq!(response.header("content-type"), Some("application/problem+json"));
    assert_eq!(body["type"], format!("/problems/{code}"));
    assert_eq!(body["status"], status);
    for member in ["title", "detail", "instance"] {
        assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {body:#}");
    }
    assert_eq!(body["trace_id"].as_str(), response.header("trace-id"));
    expect_headers(response);
}

/// What holds for every answer.
#[track_caller]
pub fn expect_headers(response: &Response) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ] {
        assert_eq!(response.header(name), Some(value), "{name}");
    }
    let policy = response.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(response.header("x-request-id").is_some_and(|id| !id.is_empty()));
    assert_eq!(response.header("trace-id").map(str::len), Some(32));
}
