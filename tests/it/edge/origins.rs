//! Pages of other origins.

use reqwest::Method;

use crate::support::{Response, Server};

const PAGE: &str = "https://give.example.org";

async fn ask(server: &Server, method: Method, path: &str, origin: &str) -> Response {
    let request = server.client().request(method, path).header("origin", origin);
    request.header("access-control-request-method", "POST").send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_may_call_unless_it_is_named() {
    let server = Server::start().await;
    let answer = ask(&server, Method::GET, "/api/v1/campaigns", PAGE).await.expect(200);
    assert!(answer.header("access-control-allow-origin").is_none());
    let server = Server::builder().env("CAREFORALL_HTTP__CORS_ORIGINS", PAGE).start().await;
    for other in ["https://give.example.org.evil.example", "http://give.example.org", "null"] {
        let answer = ask(&server, Method::GET, "/api/v1/campaigns", other).await.expect(200);
        assert!(answer.header("access-control-allow-origin").is_none(), "{other}");
        let answer = ask(&server, Method::OPTIONS, "/api/v1/pledges", other).await.expect(204);
        assert!(answer.header("access-control-allow-origin").is_none(), "{other}");
        assert!(answer.header("access-control-allow-methods").is_none(), "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_named_may_call_and_read_what_it_needs() {
    let server = Server::builder().env("CAREFORALL_HTTP__CORS_ORIGINS", PAGE).start().await;
    for (path, status) in [("/api/v1/campaigns", 200), ("/api/v1/me", 401), ("/nope", 404)] {
        let answer = ask(&server, Method::GET, path, PAGE).await.expect(status);
        assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE), "{path}");
        assert_eq!(answer.header("vary"), Some("Origin"), "{path}");
        let exposed = answer.header("access-control-expose-headers").unwrap();
        assert!(exposed.contains("etag") && exposed.contains("ratelimit-reset"), "{exposed}");
        assert!(answer.header("access-control-allow-credentials").is_none());
    }
    let preflight = ask(&server, Method::OPTIONS, "/api/v1/pledges", PAGE).await.expect(204);
    assert_eq!(preflight.header("access-control-allow-origin"), Some(PAGE));
    assert!(preflight.header("access-control-allow-methods").unwrap().contains("PATCH"));
    let headers = preflight.header("access-control-allow-headers").unwrap();
    assert!(headers.contains("authorization") && headers.contains("idempotency-key"));
}
