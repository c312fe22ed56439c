use serde_json::json;

use super::{Person, Server};

const ACTIONS: [&str; 5] = ["publish", "pause", "resume", "end", "cancel"];

/// Which acts lead to a status, and what is allowed from there.
const TABLE: [(&[&str], &[&str]); 5] = [
    (&[], &["publish", "cancel"]),
    (&["publish"], &["pause", "end", "cancel"]),
    (&["publish", "pause"], &["resume", "end", "cancel"]),
    (&["publish", "end"], &[]),
    (&["publish", "cancel"], &[]),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_act_is_allowed_or_refused_as_the_table_says() {
    let server = Server::start().await;
    let ada = Person::new(&server).await;
    for (way, allowed) in TABLE {
        for action in ACTIONS {
            let path = ada.drafted(&server, json!({})).await;
            for step in way {
                ada.act(&server, &path, step).await.expect(200);
            }
            let answer = ada.act(&server, &path, action).await;
            let now = ada.get(&server, &path).send().await.expect(200);
            let steps = i64::try_from(way.len()).unwrap();
            if allowed.contains(&action) {
                answer.expect(200);
                assert_eq!(now.body["version"], steps + 2);
            } else {
                answer.expect_problem(409, "invalid-transition");
                assert_eq!(now.body["version"], steps + 1);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_and_administrators_act_others_are_forbidden() {
    let server = Server::start().await;
    let (ada, bob) = (Person::new(&server).await, Person::new(&server).await);
    let admin = Person::admin(&server).await;
    let path = ada.published(&server, json!({})).await;
    bob.act(&server, &path, "pause").await.expect_problem(403, "forbidden");
    bob.patch(&server, &path, 9, json!({})).await.expect_problem(403, "forbidden");
    let publish = server.client().post(&format!("{path}/pause"));
    publish.send().await.expect_problem(401, "unauthorized");
    let paused = admin.act(&server, &path, "pause").await.expect(200);
    assert_eq!((paused.text("status"), paused.header("etag")), ("paused".into(), Some("\"3\"")));
    server.client().get(&path).send().await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_takes_no_body_or_an_empty_object() {
    let server = Server::start().await;
    let ada = Person::new(&server).await;
    let path = ada.published(&server, json!({})).await;
    let post = |action: &str| ada.post(&server, &format!("{path}/{action}"));
    post("pause").json(json!({})).send().await.expect(200);
    let extra = post("resume").json(json!({"reason": "x"})).send().await;
    extra.expect_problem(400, "validation-failed");
    post("resume").raw("[").send().await.expect_problem(400, "malformed-json");
    post("resume").send().await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_acts_one_wins() {
    let server = Server::start().await;
    let ada = Person::new(&server).await;
    let path = ada.published(&server, json!({})).await;
    let all = (0..8).map(|_| ada.act(&server, &path, "pause"));
    let mut answers: Vec<_> =
        futures_util::future::join_all(all).await.iter().map(|a| a.status).collect();
    answers.sort_unstable();
    assert_eq!(answers, [200, 409, 409, 409, 409, 409, 409, 409]);
}
