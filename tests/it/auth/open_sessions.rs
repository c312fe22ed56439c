use chrono::DateTime;
use serde_json::json;

use super::{PASSWORD, code, login, refresh, sign_in};
use crate::support::Server;

const SESSIONS: &str = "/api/v1/me/sessions";

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_and_ended_by_their_user_alone() {
    let server = Server::start().await;
    let client = server.client();
    let first = sign_in(&server, "ada@example.org").await;
    let second = login(&server, "ada@example.org", PASSWORD).await.expect(200).body;
    let bob = sign_in(&server, "bob@example.org").await;
    let next = refresh(&server, &first["refresh_token"]).await.expect(200).body;
    let access = next["access_token"].as_str().unwrap();
    let list = client.get(SESSIONS).bearer(access).send().await.expect(200).body;
    let sessions = list["data"].as_array().unwrap();
    assert_eq!(sessions.len(), 2, "a refreshed session is one session: {list}");
    assert_eq!((&sessions[0]["current"], &sessions[1]["current"]), (&json!(false), &json!(true)));
    let time =
        |member: &str| DateTime::parse_from_rfc3339(sessions[1][member].as_str().unwrap()).unwrap();
    assert!(time("signed_in_at") < time("last_used_at"));

    let page = client.get(&format!("{SESSIONS}?limit=1")).bearer(access).send().await.expect(200);
    let cursor = page.text("next_cursor");
    let rest = client.get(&format!("{SESSIONS}?limit=1&cursor={cursor}")).bearer(access);
    assert_eq!(rest.send().await.expect(200).body["data"], json!([sessions[1]]));

    let path = format!("{SESSIONS}/{}", sessions[0]["id"].as_str().unwrap());
    let strange = client.delete(&path).bearer(bob["access_token"].as_str().unwrap()).send().await;
    assert_eq!(code(&strange), (404, "not-found"));
    client.delete(&path).bearer(access).send().await.expect(204);
    client.delete(&path).bearer(access).send().await.expect_problem(404, "not-found");
    assert_eq!(code(&refresh(&server, &second["refresh_token"]).await).0, 401);
    refresh(&server, &next["refresh_token"]).await.expect(200);
    let ended = second["access_token"].as_str().unwrap();
    for request in
        [client.get(SESSIONS), client.post("/api/v1/api-keys").json(json!({"name": "x"}))]
    {
        request.bearer(ended).send().await.expect_problem(401, "unauthorized");
    }
}
