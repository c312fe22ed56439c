//! Commands beside a server that runs its own Postgres.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use serde_json::json;

use crate::support::{CAREFORALL, Client, Server, donation};

/// A command with the server's data directory, and what it says.
fn beside(server: &Server, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(CAREFORALL);
    for (name, _) in std::env::vars() {
        if name.starts_with("CAREFORALL_") || name.ends_with("_URL") {
            command.env_remove(name);
        }
    }
    command.args(arguments).current_dir(server.directory());
    command.env("CAREFORALL_EMBEDDED__DATA_DIR", server.directory().join("data"));
    command.env("CAREFORALL_SANDBOX__WEBHOOK_SECRET", donation::WEBHOOK_SECRET);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

async fn sign_in(client: &Client) -> u16 {
    let body = json!({ "email": "admin@example.org", "password": "a long enough password" });
    client.post("/api/v1/auth/login").json(body).send().await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_work_beside_a_server_and_leave_its_postgres_running() {
    let mut server = donation::builder().embedded().start().await;
    let client = server.client();
    let create = ["admin", "create", "--email", "admin@example.org"];
    for (arguments, input) in [
        (&create[..], "a long enough password\n"),
        (&["reconcile"][..], ""),
        (&["keys", "list"][..], ""),
        (&["migrate"][..], ""),
        (&["restored"][..], ""),
    ] {
        let Output { status, stdout, stderr } = beside(&server, arguments, input);
        let said = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        assert!(status.success(), "{arguments:?}: {said}");
        client.get("/readyz").send().await.expect(200);
    }
    // in the server's own database
    assert_eq!(sign_in(&client).await, 200);
    let refused = beside(&server, &["fill", "--pledges", "1"], "");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("is in use by another server"), "{said}");

    // without a server a command has a Postgres of its own, and ends it
    server.sigterm();
    server.ended(std::time::Duration::from_mins(1)).await;
    assert!(beside(&server, &["reconcile"], "").status.success());
    server.start_again().await;
    assert_eq!(sign_in(&server.client()).await, 200);
}
