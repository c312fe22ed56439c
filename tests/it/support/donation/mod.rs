//! The steps of a donation over HTTP, for tests that need some of them on their way.
//!
//! They take a [`Client`], so that each step may go to another replica. What a step needs in order
//! to go on is expected; tests of refusals build their own requests from [`Campaign::gift`].

mod campaign;
mod payment;
mod people;
mod pledge;
mod refund;
mod webhook;

use std::time::Duration;

use careforall::kernel::ids::UserId;
use serde_json::{Value, json};

use super::{Client, Response, Server, server::Builder, wait::eventually};

pub use campaign::Campaign;
pub use payment::Payment;
pub use people::{new_email, sign_up, sign_up_admin, sign_up_as};
pub use pledge::Pledge;
pub use refund::close_dispute;
pub use webhook::{Event, signature, webhook, webhook_with};

/// What the bank of [`builder`]'s servers signs its webhooks with.
pub const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// How long a test waits for what follows by events: only a failing test waits as long.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A server whose webhook secret the test knows.
pub fn builder() -> Builder {
    Server::builder().env("CAREFORALL_SANDBOX__WEBHOOK_SECRET", WEBHOOK_SECRET)
}

/// A key that nobody else uses, long enough for a guest.
pub fn new_key() -> String {
    UserId::generate().to_string()
}

/// `own` with the members of `changes`; a `null` among them removes a member.
pub fn changed(mut own: Value, changes: Value) -> Value {
    let members = own.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name)
        } else {
            members.insert(name.clone(), value.clone())
        };
    }
    own
}

/// Does `body` have these members, with these values?
pub fn has(body: &Value, expected: &Value) -> bool {
    expected.as_object().unwrap().iter().all(|(name, value)| body[name] == *value)
}

/// `POST /pledges` of somebody without credentials.
pub async fn promise(client: &Client, key: &str, gift: &Value) -> Response {
    client.post("/api/v1/pledges").idempotency_key(key).json(gift).send().await
}

/// Payments at the bank that carry this id of ours.
pub async fn bank_payments(client: &Client, payment_id: &str) -> Vec<Value> {
    let path = format!("/api/v1/sandbox/payments?payment_id={payment_id}");
    let page = client.get(&path).send().await.expect(200).body;
    page["data"].as_array().unwrap().clone()
}

/// The next `times` calls to the bank go wrong: `create`, `cancel`, `capture`, `refund`, `retrieve`,
/// … with `fail`, `lose_answer` or `delay`.
pub async fn plan_fault(client: &Client, operation: &str, kind: &str, times: u32, delay_ms: u32) {
    let fault =
        json!({ "operation": operation, "kind": kind, "times": times, "delay_ms": delay_ms });
    client.post("/api/v1/sandbox/faults").json(fault).send().await.expect(201);
}

#[track_caller]
fn status_becomes(
    client: &Client,
    path: String,
    token: &str,
    status: &str,
) -> impl Future<Output = ()> + use<> {
    let (client, token, status) = (client.clone(), token.to_owned(), status.to_owned());
    eventually(PATIENCE, move || {
        let request = client.get(&path).bearer(&token);
        let status = status.clone();
        async move { request.send().await.expect(200).body["status"] == *status }
    })
}
