//! Paths and queries out of form: 400, naming the parameter.

use super::expect_problem;
use crate::support::Server;

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_none_is_named() {
    let server = Server::start().await;
    for id in
        ["1", "not-a-uuid", "%00", "%ff", "01938f1e-7c1a-7c3e-9f6e-0a4b5c6d7e8", "%F0%9F%92%A9"]
    {
        for route in ["campaigns", "pledges", "payments"] {
            let answer = server.client().get(&format!("/api/v1/{route}/{id}")).send().await;
            expect_problem(&answer, 400, "validation-failed");
            assert_eq!(answer.body["errors"][0]["field"], "id", "{route}/{id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_out_of_form_is_named() {
    let server = Server::start().await;
    let cases = [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=1.5", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=2", "limit"),
        ("status=gone", "status"),
        ("status=%ff", "status"),
        ("category=", "category"),
        ("sort=oldest", "sort"),
        ("nonsense=1", "nonsense"),
        ("status=active%00", "status"),
        ("limit=2&q=a%00b", "q"),
        ("q%00=1", "query"),
    ];
    for (query, field) in cases {
        let answer = server.client().get(&format!("/api/v1/campaigns?{query}")).send().await;
        expect_problem(&answer, 400, "validation-failed");
        assert_eq!(answer.body["errors"][0]["field"], field, "{query}: {:#}", answer.body);
        assert!(!answer.text("detail").contains("deserialize"), "{query}: {:#}", answer.body);
    }
    let answer = server.client().get("/api/v1/campaigns?limit=0").send().await;
    assert_eq!(answer.body["errors"][0]["message"], "must be between 1 and 100");
    for cursor in ["x", "", "AAAAAAAA", "%ff", "%F0%9F%92%A9", &"A".repeat(5000)] {
        let answer =
            server.client().get(&format!("/api/v1/campaigns?cursor={cursor}")).send().await;
        expect_problem(&answer, 400, "invalid-cursor");
    }
    server.client().get("/api/v1/campaigns?").send().await.expect(200);
}
