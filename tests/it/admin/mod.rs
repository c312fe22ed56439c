//! Administration: who may, what is seen, what is done, and that the books are compared.

mod access;
mod audit;
mod campaigns;
mod dead_letters;
mod depth;
mod ended_sessions;
mod inbox;
mod lists;
mod nightly;
mod rebuild;
mod reconcile;
mod refund_books;
mod room;
mod users;

use serde_json::{Value, json};

use crate::support::{
    Client, Response, Server,
    donation::{self, Campaign, Payment, sign_up_admin},
    webhooks::Books,
};

/// A server, an administrator's token, and a campaign that takes gifts.
pub struct World {
    pub server: Server,
    pub client: Client,
    pub books: Books,
    pub campaign: Campaign,
    pub admin: String,
}

impl World {
    pub async fn new() -> Self {
        let server = donation::builder().start().await;
        let (client, url) = (server.client(), server.database().url());
        let books = Books::open(&url).await;
        let admin = sign_up_admin(&client, &url).await;
        let campaign = Campaign::open(&client).await;
        Self { server, client, books, campaign, admin }
    }

    /// `path` after `/api/v1`.
    pub async fn get(&self, path: &str) -> Response {
        self.client.get(&format!("/api/v1{path}")).bearer(&self.admin).send().await
    }

    /// An act, and why.
    pub async fn act(&self, path: &str) -> Response {
        self.post(path, json!({ "reason": "because of a test" })).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Response {
        let request = self.client.post(&format!("/api/v1{path}")).bearer(&self.admin);
        request.header("x-request-id", "the-request").json(body).send().await
    }

    /// A gift of 100.00 USD that has been captured and counted.
    pub async fn gift(&self) -> Payment {
        let pledge = self.campaign.pledge(&self.client, 10_000).await;
        let payment = pledge.pay(&self.client, "pm_success").await;
        pledge.becomes(&self.client, "completed").await;
        payment
    }

    /// The newest row of the audit log.
    pub async fn last_act(&self) -> Value {
        self.get("/admin/audit-log?limit=1").await.expect(200).body["data"][0].clone()
    }
}

/// The `id`s of a page.
pub fn ids(page: &Value) -> Vec<String> {
    let rows = page["data"].as_array().unwrap();
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// The id of the account with this token.
pub async fn id_of(client: &Client, token: &str) -> String {
    client.get("/api/v1/me").bearer(token).send().await.expect(200).text("id")
}
