//! The provider and a fake Stripe, without or with the real program around them.

use careforall::{
    kernel::{clock, ids::PaymentId},
    modules::{
        payment::api::{CaptureMethod, CreateAnswer, CreateRequest, Created, Provider},
        stripe::StripeProvider,
    },
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::fake::{FakeStripe, KEY, SECRET};
use crate::support::{
    Client, Response, Server, client::Request, donation::Payment, server::Builder, webhooks::Books,
};

/// While it takes the old one's place, both are believed.
pub const NEW_SECRET: &str = "whsec_of_the_endpoint_2";

pub fn provider(fake: &FakeStripe) -> StripeProvider {
    StripeProvider::new(&KEY.into(), &[SECRET.into()], fake.base()).unwrap()
}

/// 25.00 USD.
pub fn order(payment_method: Option<&str>) -> CreateRequest {
    CreateRequest {
        payment_id: PaymentId::generate(),
        amount_minor: 2500,
        currency: "USD".parse().unwrap(),
        capture_method: CaptureMethod::Automatic,
        payment_method: payment_method.map(str::to_owned),
        trace_context: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    }
}

pub fn key_of(order: &CreateRequest) -> String {
    format!("pay_{}", order.payment_id)
}

pub fn created(answer: CreateAnswer) -> Created {
    match answer {
        CreateAnswer::Created(created) | CreateAnswer::Declined { created, .. } => created,
    }
}

/// Made and confirmed; the intent's id.
pub async fn paid(provider: &StripeProvider, order: &CreateRequest) -> String {
    let answer = provider.create(order, &key_of(order)).await.unwrap();
    created(answer).provider_payment_id
}

/// A server whose default provider is the fake.
pub fn builder(fake: &FakeStripe) -> Builder {
    Server::builder()
        .env("CAREFORALL_PAYMENTS__DEFAULT_PROVIDER", "stripe")
        .env("CAREFORALL_STRIPE__SECRET_KEY", KEY)
        .env("CAREFORALL_STRIPE__WEBHOOK_SECRETS", format!("{NEW_SECRET},{SECRET}"))
        .env("CAREFORALL_STRIPE__API_BASE", fake.base())
}

/// The real program with the fake behind it.
pub struct Shop {
    pub fake: FakeStripe,
    pub server: Server,
    pub client: Client,
    pub books: Books,
}

impl Shop {
    pub async fn open() -> Self {
        let fake = FakeStripe::start();
        let server = builder(&fake).start().await;
        let books = Books::open(&server.database().url()).await;
        Self { client: server.client(), fake, server, books }
    }

    /// Delivers one of the fake's events.
    pub async fn deliver(&self, event: &Value) {
        assert_eq!(send(&self.client, event).await.expect(200).body["status"], "accepted");
    }

    /// The newest event of a type.
    pub async fn deliver_newest(&self, event_type: &str) -> Value {
        let event = self.fake.said(event_type);
        self.deliver(&event).await;
        event
    }

    /// All that has been said about an intent, the newest first.
    pub async fn deliver_all_backwards(&self) {
        let events = self.fake.world().events.clone();
        for event in events.iter().rev() {
            send(&self.client, event).await.expect(200);
        }
    }

    /// Captured, refunded and disputed, once the payment has this status.
    pub async fn amounts(&self, payment: &Payment, status: &str) -> [i64; 3] {
        payment.becomes(&self.client, status).await;
        let body = payment.read(&self.client).await;
        ["captured_minor", "refunded_minor", "disputed_minor"]
            .map(|name| body[name].as_i64().unwrap())
    }
}

/// Signed now, with the endpoint's secret.
pub fn webhook(client: &Client, event: &Value) -> Request {
    let (now, body) = (clock::now().timestamp(), event.to_string());
    let header = format!("t={now},v1={}", signature(SECRET, now, &body));
    client.post("/api/v1/webhooks/stripe").header("stripe-signature", header).raw(body)
}

pub async fn send(client: &Client, event: &Value) -> Response {
    webhook(client, event).send().await
}

/// What `v1` holds.
pub fn signature(secret: &str, time: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{time}.{body}").as_bytes());
    hex::encode(mac.finalize().into_bytes())
}
