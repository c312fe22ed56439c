//! Where real money is taken there is no simulated bank, and nothing speaks of one.

use reqwest::Method;
use serde_json::Value;

use crate::support::Server;

#[tokio::test(flavor = "multi_thread")]
async fn none_of_its_routes_is_there_or_shown() {
    let server = Server::builder()
        .env("CAREFORALL_SANDBOX__ENABLED", "false")
        .env("CAREFORALL_PAYMENTS__DEFAULT_PROVIDER", "stripe")
        .env("CAREFORALL_STRIPE__SECRET_KEY", "sk_test_alone")
        .env("CAREFORALL_STRIPE__WEBHOOK_SECRETS", "whsec_alone_with_stripe")
        .start()
        .await;
    let client = server.client();
    let all = careforall::app::document(true).unwrap();
    let banks = all.paths.paths.keys().filter(|path| path.starts_with("/api/v1/sandbox/"));
    let banks: Vec<String> = banks.map(|path| path.replace(['{', '}'], "")).collect();
    assert!(banks.len() > 5, "{banks:?}");
    for path in banks {
        for method in [Method::GET, Method::POST] {
            let answer = client.request(method, &path).send().await;
            answer.expect_problem(404, "not-found");
        }
    }
    let shown: Value = client.get("/openapi.json").send().await.expect(200).body;
    assert!(shown["paths"]["/api/v1/pledges"].is_object());
    assert!(!shown["paths"].to_string().contains("/sandbox/"), "{}", shown["paths"]);
    assert!(!shown["tags"].to_string().contains("sandbox"), "{}", shown["tags"]);
}
