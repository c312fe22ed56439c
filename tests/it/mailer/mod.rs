//! Mail, as a real mail server receives it. A registration makes the program send one.

mod transports;
mod troubles;

use serde_json::json;

use crate::{
    auth,
    support::{Client, Server, mail::MailServer, server::Builder},
};

fn sending_to(mail: &MailServer) -> Builder {
    Server::builder()
        .env("CAREFORALL_MAIL__SMTP_URL", mail.url())
        .env("CAREFORALL_MAIL__FROM", "CareForAll <no-reply@careforall.example>")
}

/// Has a mail sent to this address.
async fn register(client: &Client, email: &str) {
    let body = json!({ "email": email, "password": auth::PASSWORD, "name": "Ada" });
    client.post("/api/v1/auth/register").json(body).send().await.expect(201);
}

/// The rows of `bus.mail`: recipient, sent, failed, wiped, attempts, reason.
async fn rows(server: &Server) -> Vec<(String, bool, bool, bool, i32, Option<String>)> {
    let sql = "SELECT recipient, sent_at IS NOT NULL, failed_at IS NOT NULL, body = '', attempts,
                      reason FROM bus.mail ORDER BY id";
    let rows = server.database().client().await.query(sql, &[]).await.unwrap();
    rows.iter().map(|r| (r.get(0), r.get(1), r.get(2), r.get(3), r.get(4), r.get(5))).collect()
}
