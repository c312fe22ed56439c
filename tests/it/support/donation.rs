//! The steps of a donation over HTTP, for tests that need some of them on their way.
//!
//! They take a [`Client`], so that each step may go to another replica. What a step needs in order
//! to go on is expected; tests of refusals build their own requests from [`Campaign::gift`].

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use careforall::kernel::{clock, ids::UserId};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Client, Response, Server, client::Request, server::Builder, wait::eventually};

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

pub fn new_email() -> String {
    format!("{}@example.org", UserId::generate().0.simple())
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

/// The access token of a new user.
pub async fn sign_up(client: &Client) -> String {
    sign_up_as(client, &new_email()).await
}

pub async fn sign_up_as(client: &Client, email: &str) -> String {
    let password = "correct horse battery staple";
    let account = json!({ "email": email, "password": password, "name": "Ada" });
    client.post("/api/v1/auth/register").json(account).send().await.expect(201);
    let login = json!({ "email": email, "password": password });
    client.post("/api/v1/auth/login").json(login).send().await.expect(200).text("access_token")
}

/// The access token of a new administrator. `url` is the database's.
pub async fn sign_up_admin(client: &Client, url: &str) -> String {
    let email = new_email();
    let token = sign_up_as(client, &email).await;
    let sql = super::postgres::connect(url).await.unwrap();
    let promote = "UPDATE auth.users SET role = 'admin' WHERE email = $1";
    assert_eq!(sql.execute(promote, &[&email]).await.unwrap(), 1);
    token
}

/// A published campaign.
#[derive(Debug, Clone)]
pub struct Campaign {
    pub id: String,
    /// Its owner's access token.
    pub owner: String,
}

impl Campaign {
    /// Active, of a new owner: 1,000.00 USD wanted, more is welcome.
    pub async fn open(client: &Client) -> Self {
        Self::open_with(client, json!({})).await
    }

    pub async fn open_with(client: &Client, changes: Value) -> Self {
        let campaign = Self::draft(client, changes).await;
        campaign.act(client, "publish").await;
        campaign
    }

    pub async fn draft(client: &Client, changes: Value) -> Self {
        let owner = sign_up(client).await;
        let wells = json!({ "title": "Wells", "description": "Clean water.",
                            "goal_minor": 100_000, "currency": "USD" });
        let request = client.post("/api/v1/campaigns").bearer(&owner);
        let draft = request.json(changed(wells, changes)).send().await.expect(201);
        Self { id: draft.text("id"), owner }
    }

    pub fn path(&self) -> String {
        format!("/api/v1/campaigns/{}", self.id)
    }

    /// `publish`, `pause`, `resume`, `end` or `cancel`.
    pub async fn act(&self, client: &Client, action: &str) {
        let path = format!("{}/{action}", self.path());
        client.post(&path).bearer(&self.owner).send().await.expect(200);
    }

    pub async fn revise(&self, client: &Client, changes: Value) {
        let now = client.get(&self.path()).bearer(&self.owner).send().await.expect(200);
        let patch = client.patch(&self.path()).bearer(&self.owner).if_match(&now.body["version"]);
        patch.json(changes).send().await.expect(200);
    }

    /// The body of a new guest's `POST /pledges`.
    pub fn gift(&self, amount_minor: i64) -> Value {
        json!({ "campaign_id": self.id, "amount_minor": amount_minor, "currency": "USD",
                "donor_email": new_email() })
    }

    /// A new guest's pledge.
    pub async fn pledge(&self, client: &Client, amount_minor: i64) -> Pledge {
        let answer = promise(client, &new_key(), &self.gift(amount_minor)).await.expect(201);
        Pledge { id: answer.text("id"), token: answer.text("guest_token") }
    }

    /// A pledge by somebody with an account, whose access token this is.
    pub async fn pledge_by(&self, client: &Client, token: &str, amount_minor: i64) -> Pledge {
        let gift = changed(self.gift(amount_minor), json!({ "donor_email": null }));
        let request = client.post("/api/v1/pledges").bearer(token).idempotency_key(new_key());
        let answer = request.json(gift).send().await.expect(201);
        Pledge { id: answer.text("id"), token: token.to_owned() }
    }

    /// As the read model has them now.
    pub async fn totals(&self, client: &Client) -> Value {
        let path = format!("{}/totals?realtime=true", self.path());
        client.get(&path).send().await.expect(200).body
    }

    /// Waits until the totals have these members. In between nothing may be negative.
    #[track_caller]
    pub fn totals_become(
        &self,
        client: &Client,
        expected: Value,
    ) -> impl Future<Output = ()> + use<> {
        let (campaign, client) = (self.clone(), client.clone());
        eventually(PATIENCE, move || {
            let (campaign, client, expected) = (campaign.clone(), client.clone(), expected.clone());
            async move {
                let totals = campaign.totals(&client).await;
                let net = totals["net_minor"].as_i64().unwrap();
                assert!(net >= 0 && totals["pledged_minor"].as_i64().unwrap() >= 0, "{totals}");
                has(&totals, &expected)
            }
        })
    }
}

/// Does `body` have these members, with these values?
pub fn has(body: &Value, expected: &Value) -> bool {
    expected.as_object().unwrap().iter().all(|(name, value)| body[name] == *value)
}

/// `POST /pledges` of somebody without credentials.
pub async fn promise(client: &Client, key: &str, gift: &Value) -> Response {
    client.post("/api/v1/pledges").idempotency_key(key).json(gift).send().await
}

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

    fn at_bank(&self) -> String {
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

/// Payments at the bank that carry this id of ours.
pub async fn bank_payments(client: &Client, payment_id: &str) -> Vec<Value> {
    let path = format!("/api/v1/sandbox/payments?payment_id={payment_id}");
    let page = client.get(&path).send().await.expect(200).body;
    page["data"].as_array().unwrap().clone()
}

/// The next `times` calls to the bank go wrong: `create`, `cancel` or `retrieve` with `fail`,
/// `lose_answer` or `delay`.
pub async fn plan_fault(client: &Client, operation: &str, kind: &str, times: u32, delay_ms: u32) {
    let fault =
        json!({ "operation": operation, "kind": kind, "times": times, "delay_ms": delay_ms });
    client.post("/api/v1/sandbox/faults").json(fault).send().await.expect(201);
}

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
