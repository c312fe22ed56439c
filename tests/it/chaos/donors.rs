//! The load: donors who repeat themselves and lose patience, each with an own book of what was
//! asked and answered.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::cluster::Town;
use crate::support::{Client, Response, client::Request, donation::new_key};

/// A request under one idempotency key, sent until it is answered.
#[derive(Debug, Clone)]
pub struct Asked {
    pub kind: Kind,
    path: String,
    key: String,
    token: Option<String>,
    pub body: Value,
    /// The first answer that counts: 2xx, a decline, or a refusal.
    pub answer: Option<(u16, Value)>,
    /// Never sent again: its client went away.
    pub given_up: bool,
    /// How a later answer differed from the first.
    pub doubled: Option<String>,
    pub attempts: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Pledge,
    Payment,
    Cancellation,
    Refund,
}

impl Asked {
    pub fn id(&self) -> Option<&str> {
        let (status, body) = self.answer.as_ref()?;
        let name = if *status == 402 { "payment_id" } else { "id" };
        (*status < 300 || *status == 402).then(|| body[name].as_str())?
    }

    /// The pledge that it is about.
    pub fn pledge(&self) -> Option<&str> {
        match self.kind {
            Kind::Cancellation => self.path.rsplit('/').nth(1),
            Kind::Payment => self.body["pledge_id"].as_str(),
            Kind::Pledge | Kind::Refund => None,
        }
    }

    fn request(&self, client: &Client) -> Request {
        let request = client.post(&self.path).idempotency_key(&self.key).json(&self.body);
        match &self.token {
            Some(token) => request.bearer(token),
            None => request,
        }
    }

    /// Sends it once. True: it is answered for good.
    pub async fn attempt(&mut self, client: &Client, patience: Duration) -> bool {
        self.attempts += 1;
        let Ok(Ok(answer)) = timeout(patience, self.request(client).try_send()).await else {
            return false;
        };
        if !is_final(&answer) {
            return false;
        }
        let now = (answer.status, answer.body);
        match &self.answer {
            None => self.answer = Some(now),
            // a refusal is judged anew each time
            Some((status, _)) if *status >= 400 && *status != 402 => {}
            Some(first) if *first != now => self.doubled = Some(format!("{first:?}, then {now:?}")),
            Some(_) => {}
        }
        true
    }
}

/// No outage, and nobody still at work on it.
fn is_final(answer: &Response) -> bool {
    let passing = [408, 425, 429].contains(&answer.status) || answer.status >= 500;
    !passing && answer.body["code"] != "idempotency-in-progress"
}

/// What a donor pays with; nothing: comes to pay, and never confirms.
const METHODS: [Option<&str>; 12] = [
    Some("pm_success"),
    Some("pm_success"),
    Some("pm_success"),
    Some("pm_capture_first"),
    Some("pm_capture_first"),
    Some("pm_duplicates"),
    Some("pm_duplicates"),
    Some("pm_silent"),
    Some("pm_dispute"),
    Some("pm_refund_fails"),
    Some("pm_declined"),
    None,
];

pub struct Donor {
    town: Town,
    rng: StdRng,
    end: Instant,
    pub books: Vec<Asked>,
    /// Paid for, so far as is known here.
    paid: Vec<(String, i64)>,
}

impl Donor {
    pub fn new(town: Town, seed: u64, end: Instant) -> Self {
        Self { town, rng: StdRng::seed_from_u64(seed), end, books: Vec::new(), paid: Vec::new() }
    }

    pub async fn live(mut self) -> Self {
        while Instant::now() < self.end {
            self.give().await;
            if self.rng.random_bool(0.3) {
                self.give_back().await;
            }
        }
        self
    }

    async fn give(&mut self) {
        let amount = self.rng.random_range(100..10_000);
        let gift = self.town.campaign.gift(amount);
        let pledge = self.ask(Kind::Pledge, "/api/v1/pledges".into(), None, gift).await;
        let Some((201, body)) = pledge.answer else { return };
        let token = body["guest_token"].as_str().unwrap().to_owned();
        let method = METHODS[self.rng.random_range(0..METHODS.len())];
        let mut pay = json!({ "pledge_id": body["id"] });
        if let Some(method) = method {
            pay["payment_method"] = json!(method);
        }
        let path = "/api/v1/payments";
        if self.rng.random_bool(0.05) {
            self.take_back(&body["id"], &token).await;
        }
        let payment = self.ask(Kind::Payment, path.into(), Some(token.clone()), pay.clone()).await;
        if let (Some((201, _)), Some(id)) = (&payment.answer, payment.id()) {
            self.paid.push((id.to_owned(), amount));
        }
        if self.rng.random_bool(0.15) {
            // the bank may be faster
            self.take_back(&body["id"], &token).await;
        }
        if self.rng.random_bool(0.2) {
            // forgets that it was sent, and begins anew: another key must not be another charge
            self.ask(Kind::Payment, path.into(), Some(token), pay).await;
        }
    }

    async fn take_back(&mut self, pledge: &Value, token: &str) {
        let path = format!("/api/v1/pledges/{}/cancel", pledge.as_str().unwrap());
        self.ask(Kind::Cancellation, path, Some(token.to_owned()), json!({})).await;
    }

    async fn give_back(&mut self) {
        if self.paid.is_empty() {
            return;
        }
        let (payment, amount) = self.paid[self.rng.random_range(0..self.paid.len())].clone();
        let part = json!({ "amount_minor": self.rng.random_range(1..=amount) });
        let admin = self.town.admin.clone();
        let path = format!("/api/v1/payments/{payment}/refunds");
        self.ask(Kind::Refund, path, Some(admin), part).await;
    }

    /// Any way in; most come through nginx.
    fn door(&mut self) -> Client {
        let doors = &self.town.doors;
        let at = if self.rng.random_bool(0.6) { 0 } else { self.rng.random_range(1..doors.len()) };
        doors[at].clone()
    }

    /// Asks until it is answered, time is over, or patience.
    async fn ask(&mut self, kind: Kind, path: String, token: Option<String>, body: Value) -> Asked {
        let mut asked = Asked {
            kind,
            path,
            key: new_key(),
            token,
            body,
            answer: None,
            given_up: false,
            doubled: None,
            attempts: 0,
        };
        while asked.answer.is_none() && !asked.given_up && Instant::now() < self.end {
            let patience = Duration::from_millis(self.rng.random_range(100..3000));
            let door = self.door();
            if !asked.attempt(&door, patience).await {
                asked.given_up = self.rng.random_bool(0.05);
                sleep(Duration::from_millis(50)).await;
            }
        }
        if asked.answer.is_some() && self.rng.random_bool(0.3) {
            let door = self.door();
            asked.attempt(&door, Duration::from_secs(3)).await;
        }
        self.books.push(asked.clone());
        asked
    }
}
