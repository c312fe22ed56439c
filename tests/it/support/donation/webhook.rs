//! Webhooks, signed as the bank does.

use base64::{Engine, engine::general_purpose::STANDARD};
use careforall::kernel::clock;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    super::{Client, Response, client::Request},
    WEBHOOK_SECRET, changed,
};

/// A webhook's body. Sent with a signature that the servers of [`builder`] believe.
#[derive(Debug, Clone)]
pub struct Event(pub Value);

impl Event {
    /// With members of `data` changed; a `null` removes one.
    pub fn data(mut self, changes: Value) -> Self {
        self.0["data"] = changed(self.0["data"].take(), changes);
        self
    }

    pub fn amount(self, minor: i64) -> Self {
        self.data(json!({ "amount_minor": minor }))
    }

    /// The event under an id of the test's.
    pub fn id(mut self, id: &str) -> Self {
        self.0["id"] = json!(id);
        self
    }

    /// Signed now.
    pub fn request(&self, client: &Client) -> Request {
        let now = clock::now().timestamp();
        let id = self.0["id"].as_str().unwrap();
        webhook(client, WEBHOOK_SECRET, id, now, &self.0.to_string())
    }

    pub async fn send(&self, client: &Client) -> Response {
        self.request(client).send().await
    }

    /// 200 `accepted`.
    pub async fn accepted(&self, client: &Client) {
        let answer = self.send(client).await.expect(200);
        assert_eq!(answer.body, json!({ "status": "accepted" }));
    }
}

/// A signed webhook, every part as the test wants it.
pub fn webhook(client: &Client, secret: &str, id: &str, timestamp: i64, body: &str) -> Request {
    webhook_with(client, id, timestamp, &signature(secret, id, timestamp, body), body)
}

pub fn webhook_with(
    client: &Client,
    id: &str,
    timestamp: i64,
    signature: &str,
    body: &str,
) -> Request {
    let request = client.post("/api/v1/webhooks/sandbox").header("webhook-id", id);
    let request = request.header("webhook-timestamp", timestamp);
    request.header("webhook-signature", signature).raw(body)
}

/// `v1,<base64>`, after <https://www.standardwebhooks.com>.
pub fn signature(secret: &str, id: &str, timestamp: i64, body: &str) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}
