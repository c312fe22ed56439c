//! Promises.

use serde_json::{Value, json};

use super::{
    super::{Client, Response, client::Request, wait::eventually},
    PATIENCE, Payment, bank_payments, changed, new_key, status_becomes,
};

/// A pledge and its donor's credential.
#[derive(Debug, Clone)]
pub struct Pledge {
    pub id: String,
    pub token: String,
}

impl Pledge {
    pub async fn read(&self, client: &Client) -> Value {
        let path = format!("/api/v1/pledges/{}", self.id);
        client.get(&path).bearer(&self.token).send().await.expect(200).body
    }

    /// Waits for a status.
    #[track_caller]
    pub fn becomes(&self, client: &Client, status: &str) -> impl Future<Output = ()> + use<> {
        let path = format!("/api/v1/pledges/{}", self.id);
        status_becomes(client, path, &self.token, status)
    }

    /// Waits until payment and pledge agree with the bank, and returns what was captured.
    pub async fn settles(&self, client: &Client) -> i64 {
        eventually(PATIENCE, || async {
            let pledge = self.read(client).await;
            let Some(id) = pledge["payment_id"].as_str() else {
                return (pledge["status"] == "cancelled").then_some(0);
            };
            let at_bank = bank_payments(client, id).await;
            let captured = at_bank.iter().filter_map(|p| p["captured_minor"].as_i64()).sum();
            match pledge["status"].as_str()? {
                "completed" if captured > 0 => Some(captured),
                "cancelled" if at_bank.iter().all(|p| p["status"] == "canceled") => Some(0),
                _ => None,
            }
        })
        .await
    }

    pub fn cancel(&self, client: &Client, key: &str) -> Request {
        let path = format!("/api/v1/pledges/{}/cancel", self.id);
        client.post(&path).bearer(&self.token).idempotency_key(key)
    }

    /// `POST /payments` for it.
    pub fn pay_with(&self, client: &Client, key: &str, more: Value) -> Request {
        let body = changed(json!({ "pledge_id": self.id }), more);
        client.post("/api/v1/payments").bearer(&self.token).idempotency_key(key).json(body)
    }

    /// A payment, to be confirmed at the bank.
    pub async fn begin_payment(&self, client: &Client) -> Payment {
        self.made(self.pay_with(client, &new_key(), json!({})).send().await)
    }

    /// A payment that is confirmed with this method at once.
    pub async fn pay(&self, client: &Client, method: &str) -> Payment {
        let with = json!({ "payment_method": method });
        self.made(self.pay_with(client, &new_key(), with).send().await)
    }

    /// The payment of this 201.
    #[track_caller]
    pub fn made(&self, answer: Response) -> Payment {
        let answer = answer.expect(201);
        Payment {
            id: answer.text("id"),
            provider_payment_id: answer.text("provider_payment_id"),
            amount_minor: answer.body["amount_minor"].as_i64().unwrap(),
            currency: answer.text("currency"),
            token: self.token.clone(),
        }
    }
}
