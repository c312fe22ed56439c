//! Paths and methods that are there, and those that are not.

use careforall::kernel::problem::ProblemCode;
use reqwest::Method;

use super::{expect_headers, expect_problem};
use crate::support::Server;

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_path_is_404_whatever_the_method() {
    let server = Server::start().await;
    for path in ["/nope", "/api/v1", "/api/v2/campaigns", "//livez", "/livez/", "/x%00y", "/%ff"] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let answer = server.client().request(method, path).send().await;
            expect_problem(&answer, 404, "not-found");
            assert_eq!(answer.body["instance"], path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_method_is_405_and_allow_names_the_right_ones() {
    let server = Server::start().await;
    let id = "01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8f";
    let cases = [
        (Method::PUT, "/livez".to_owned(), "GET, HEAD"),
        (Method::DELETE, "/api/v1/campaigns".to_owned(), "GET, HEAD, POST"),
        (Method::PUT, format!("/api/v1/campaigns/{id}"), "GET, HEAD, PATCH"),
        (Method::GET, "/api/v1/pledges".to_owned(), "POST"),
        (Method::HEAD, "/api/v1/pledges".to_owned(), "POST"),
        (Method::OPTIONS, "/api/v1/pledges".to_owned(), "POST"),
        (Method::TRACE, "/livez".to_owned(), "GET, HEAD"),
        (Method::from_bytes(b"BREW").unwrap(), "/livez".to_owned(), "GET, HEAD"),
        (Method::POST, "/openapi.json".to_owned(), "GET, HEAD"),
        (Method::POST, "/docs".to_owned(), "GET, HEAD"),
        (Method::DELETE, "/docs/".to_owned(), "GET, HEAD"),
        (Method::POST, "/docs/index.html".to_owned(), "GET, HEAD"),
    ];
    for (method, path, allow) in cases {
        let head = method == Method::HEAD;
        let answer = server.client().request(method, &path).send().await.expect(405);
        assert_eq!(answer.header("allow"), Some(allow), "{path}");
        if !head {
            expect_problem(&answer, 405, "method-not-allowed");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_answered_like_get_without_the_body() {
    let server = Server::start().await;
    let client = server.client();
    for path in ["/livez", "/readyz", "/api/v1/campaigns", "/openapi.json", "/docs/", "/nope"] {
        let got = client.get(path).send().await;
        let head = client.request(Method::HEAD, path).send().await.expect(got.status);
        assert!(head.body.is_null(), "{path}");
        for name in ["content-type", "content-length", "cache-control"] {
            assert_eq!(head.header(name), got.header(name), "{path} {name}");
        }
        expect_headers(&head);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_code_has_its_page() {
    let server = Server::start().await;
    for code in ProblemCode::ALL {
        let page = server.client().get(&format!("/problems/{code}")).send().await.expect(200);
        assert_eq!(
            (&page.body["code"], &page.body["status"]),
            (&code.as_str().into(), &code.status().into())
        );
        assert!(!page.text("title").is_empty() && !page.text("explanation").is_empty());
    }
    for none in ["no-such-code", "%ff", "a%2fb", "Not-Found"] {
        let answer = server.client().get(&format!("/problems/{none}")).send().await;
        expect_problem(&answer, 404, "not-found");
    }
}
