use serde_json::{Value, json};

use super::{code, sign_in};
use crate::support::{Response, Server};

async fn patch(server: &Server, access: &str, if_match: Option<&str>, body: Value) -> Response {
    let request = server.client().patch("/api/v1/me").bearer(access).json(body);
    match if_match {
        Some(tag) => request.header("if-match", tag).send().await,
        None => request.send().await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_needs_the_version_that_was_read() {
    let server = Server::builder().start().await;
    let session = sign_in(&server, "ada@example.org").await;
    let access = session["access_token"].as_str().unwrap();
    let me = server.client().get("/api/v1/me").bearer(access).send().await;
    assert_eq!((me.status, &me.headers["etag"]), (200, &"\"1\"".parse().unwrap()));

    let name = json!({ "name": " Ada King " });
    let without = patch(&server, access, None, name.clone()).await;
    assert_eq!(code(&without), (428, "precondition-required"));
    let changed = patch(&server, access, Some("\"1\""), name.clone()).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!((&changed.body["name"], &changed.body["version"]), (&json!("Ada King"), &json!(2)));
    assert_eq!(changed.headers["etag"], "\"2\"");
    let late = patch(&server, access, Some("\"1\""), name.clone()).await;
    assert_eq!(code(&late), (412, "version-conflict"));
    let any = patch(&server, access, Some("*"), name).await;
    assert_eq!(any.body["version"], 3);
    let nothing = patch(&server, access, Some("\"3\""), json!({})).await;
    assert_eq!((nothing.status, &nothing.body["version"]), (200, &json!(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_name_can_be_changed() {
    let server = Server::builder().start().await;
    let session = sign_in(&server, "ada@example.org").await;
    let access = session["access_token"].as_str().unwrap();
    for body in [
        json!({ "email": "eve@example.org" }),
        json!({ "role": "admin" }),
        json!({ "name": null }),
        json!({ "name": "" }),
    ] {
        let answer = patch(&server, access, Some("*"), body.clone()).await;
        assert_eq!(code(&answer), (400, "validation-failed"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_no_good_credentials_is_refused() {
    let server = Server::builder().start().await;
    let session = sign_in(&server, "ada@example.org").await;
    let access = session["access_token"].as_str().unwrap();
    let cases = [
        String::new(),
        "Bearer".to_owned(),
        "Bearer nonsense".to_owned(),
        "Bearer cfa_0123456789".to_owned(),
        format!("Basic {access}"),
        access.to_owned(),
        format!("Bearer {access}x"),
        format!("Bearer {} ", session["refresh_token"].as_str().unwrap()),
    ];
    for header in cases {
        let answer =
            server.client().get("/api/v1/me").header("authorization", &header).send().await;
        assert_eq!(code(&answer), (401, "unauthorized"), "{header}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    assert_eq!(code(&server.client().get("/api/v1/me").send().await), (401, "unauthorized"));
}
