//! Payments, here and at the bank.

use careforall::kernel::{clock, ids::UserId};
use serde_json::{Value, json};

use super::{super::Client, Event, status_becomes};

/// A payment and its donor's credential.
#[derive(Debug, Clone)]
pub struct Payment {
    pub id: String,
    /// The bank's name for it.
    pub provider_payment_id: String,
    pub amount_minor: i64,
    pub currency: String,
    pub token: String,
}

impl Payment {
    pub fn path(&self) -> String {
        format!("/api/v1/payments/{}", self.id)
    }

    pub async fn read(&self, client: &Client) -> Value {
        client.get(&self.path()).bearer(&self.token).send().await.expect(200).body
    }

    /// All its history, oldest first: at most 100 decisions.
    pub async fn history(&self, client: &Client) -> Vec<Value> {
        let path = format!("{}/history?limit=100", self.path());
        let page = client.get(&path).bearer(&self.token).send().await.expect(200).body;
        page["data"].as_array().unwrap().clone()
    }

    /// Waits for a status.
    #[track_caller]
    pub fn becomes(&self, client: &Client, status: &str) -> impl Future<Output = ()> + use<> {
        status_becomes(client, self.path(), &self.token, status)
    }

    /// What the donor does at the bank.
    pub async fn confirm(&self, client: &Client, method: &str) {
        let path = format!("{}/confirm", self.at_bank());
        client.post(&path).json(json!({ "payment_method": method })).send().await.expect(202);
    }

    pub async fn bank_has(&self, client: &Client) -> Value {
        client.get(&self.at_bank()).send().await.expect(200).body
    }

    pub(super) fn at_bank(&self) -> String {
        format!("/api/v1/sandbox/payments/{}", self.provider_payment_id)
    }

    /// What the bank would say about it: a new event, amount and currency those of the payment.
    /// For refunds and disputes add `refund_id` or `dispute_id` to `data` with [`Event::data`].
    pub fn event(&self, event_type: &str) -> Event {
        let id = format!("evt_{}", UserId::generate().0.simple());
        let data = json!({ "payment_id": self.provider_payment_id,
                           "amount_minor": self.amount_minor, "currency": self.currency,
                           "metadata": { "payment_id": self.id } });
        let body =
            json!({ "id": id, "type": event_type, "created_at": clock::now(), "data": data });
        Event(body)
    }
}
