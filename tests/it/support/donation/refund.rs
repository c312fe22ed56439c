//! What administrators do to payments, and what the bank does with them behind our back.

use serde_json::{Value, json};

use super::{
    super::{Client, client::Request},
    Payment, new_key,
};

impl Payment {
    /// `POST …/refunds`, `…/capture` or `…/cancel`, under this key.
    pub fn act(&self, client: &Client, admin: &str, key: &str, act: &str) -> Request {
        client.post(&format!("{}/{act}", self.path())).bearer(admin).idempotency_key(key)
    }

    /// A refund of this much, under a new key.
    pub fn refund(&self, client: &Client, admin: &str, amount_minor: i64) -> Request {
        let body = json!({ "amount_minor": amount_minor });
        self.act(client, admin, &new_key(), "refunds").json(body)
    }

    /// The bank's refunds, oldest first.
    pub async fn bank_refunds(&self, client: &Client) -> Vec<Value> {
        let path = format!("{}/refunds?limit=100", self.at_bank());
        let page = client.get(&path).send().await.expect(200).body;
        page["data"].as_array().unwrap().clone()
    }

    /// `refunds`, `disputes` or `expire` at the bank's counter.
    pub async fn at_counter(&self, client: &Client, act: &str, body: Value) -> Value {
        let path = format!("{}/{act}", self.at_bank());
        client.post(&path).json(body).send().await.expect(202).body
    }
}

/// The bank decides a dispute: `won` or `lost`.
pub async fn close_dispute(client: &Client, dispute: &Value, outcome: &str) {
    let path = format!("/api/v1/sandbox/disputes/{}/close", dispute["id"].as_str().unwrap());
    client.post(&path).json(json!({ "outcome": outcome })).send().await.expect(202);
}
