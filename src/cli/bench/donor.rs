//! One donor after another, on one connection, through the four calls of a gift: pledge, payment,
//! and the provider's words that the money is held and taken.

use std::{cell::RefCell, fmt, io, io::Write as _, mem, sync::Arc, time::Instant};

use chrono::SecondsFormat;
use serde::Deserialize;

use super::{
    ground::Ground,
    http::{Http, Reply},
    tally::{Step, Tally},
};
use crate::kernel::clock;

/// Every gift is 25.00 USD.
pub const AMOUNT_MINOR: u64 = 2500;

/// Why a request did not do what it was sent for.
#[derive(Debug)]
pub enum Failure {
    /// Nobody knows whether it was done.
    Lost(String),
    /// It was not.
    Refused(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(why) | Self::Refused(why) => f.write_str(why),
        }
    }
}

/// What was asked for and answered with the status that says it is done.
pub fn done(reply: io::Result<Reply<'_>>, status: u16) -> Result<Reply<'_>, Failure> {
    let reply = reply.map_err(|error| Failure::Lost(error.to_string()))?;
    if reply.status == status {
        return Ok(reply);
    }
    let why = format!("{}: {}", reply.status, String::from_utf8_lossy(reply.body));
    Err(if reply.status < 500 { Failure::Refused(why) } else { Failure::Lost(why) })
}

/// A payment that waits for the provider's word.
#[derive(Debug, Clone)]
pub struct Paid {
    pub campaign: usize,
    pub payment_id: String,
    pub provider_payment_id: String,
}

enum Stage {
    New,
    Pledged { campaign: usize, pledge_id: String, token: String },
    Paid(Paid),
    Authorized(Paid),
}

pub struct Donor {
    ground: Arc<Ground>,
    /// Makes this donor's keys and addresses its own.
    name: String,
    number: u64,
    stage: Stage,
    body: Vec<u8>,
}

#[derive(Deserialize)]
struct PledgeAnswer {
    id: String,
    guest_token: String,
}

#[derive(Deserialize)]
struct PaymentAnswer {
    id: String,
    provider_payment_id: String,
}

impl Donor {
    /// `name` has to be another one for each donor of the run.
    pub fn new(ground: Arc<Ground>, name: &str) -> Self {
        let name = format!("{}-{name}", ground.run);
        Self { ground, name, number: 0, stage: Stage::New, body: Vec::with_capacity(512) }
    }

    /// Whether the gift that was begun is given.
    pub fn is_done(&self) -> bool {
        matches!(self.stage, Stage::New)
    }

    /// The payment, once it is made.
    pub fn take_payment(&mut self) -> Option<Paid> {
        match mem::replace(&mut self.stage, Stage::New) {
            Stage::Paid(paid) => Some(paid),
            _ => None,
        }
    }

    /// All four calls.
    pub async fn give(
        &mut self,
        campaign: usize,
        http: &mut Http,
        tally: &RefCell<Tally>,
        due: Instant,
    ) -> Result<(), Failure> {
        self.advance(campaign, http, tally, due).await?;
        while !self.is_done() {
            self.advance(campaign, http, tally, Instant::now()).await?;
        }
        Ok(())
    }

    /// The next call; after a failure the gift is given up.
    pub async fn advance(
        &mut self,
        campaign: usize,
        http: &mut Http,
        tally: &RefCell<Tally>,
        due: Instant,
    ) -> Result<(), Failure> {
        match mem::replace(&mut self.stage, Stage::New) {
            Stage::New => {
                let answer = self.pledge(campaign, http, tally, due).await?;
                let answer: PledgeAnswer = read(&answer)?;
                let (pledge_id, token) = (answer.id, answer.guest_token);
                self.stage = Stage::Pledged { campaign, pledge_id, token };
            }
            Stage::Pledged { campaign, pledge_id, token } => {
                let paid = self.pay(campaign, &pledge_id, &token, http).await?;
                tally.borrow_mut().record(Step::Payment, due);
                self.stage = Stage::Paid(paid);
            }
            Stage::Paid(paid) => {
                self.hear("payment.authorized", &paid, http).await?;
                tally.borrow_mut().record(Step::Authorized, due);
                self.stage = Stage::Authorized(paid);
            }
            Stage::Authorized(paid) => {
                let heard = self.hear("payment.captured", &paid, http).await;
                let mut tally = tally.borrow_mut();
                let said = &mut tally.said[paid.campaign];
                said.captured += u64::from(heard.is_ok());
                said.maybe_captured += u64::from(matches!(heard, Err(Failure::Lost(_))));
                heard?;
                tally.record(Step::Captured, due);
            }
        }
        Ok(())
    }

    /// A new donor's pledge, with a new key; the answer's body.
    pub async fn pledge(
        &mut self,
        campaign: usize,
        http: &mut Http,
        tally: &RefCell<Tally>,
        due: Instant,
    ) -> Result<Vec<u8>, Failure> {
        self.write_pledge(campaign);
        let key = Key { kind: "pledge", name: &self.name, number: self.number, token: None };
        let reply = done(http.post("/api/v1/pledges", key, &self.body).await, 201);
        let mut tally = tally.borrow_mut();
        let said = &mut tally.said[campaign];
        said.pledged += u64::from(reply.is_ok());
        said.maybe_pledged += u64::from(matches!(reply, Err(Failure::Lost(_))));
        let body = reply?.body.to_vec();
        tally.record(Step::Pledge, due);
        Ok(body)
    }

    fn write_pledge(&mut self, campaign: usize) {
        self.number += 1;
        self.body.clear();
        // into memory: cannot fail
        let _ = write!(
            self.body,
            "{{\"campaign_id\":\"{}\",\"amount_minor\":{AMOUNT_MINOR},\"currency\":\"USD\",\
             \"donor_email\":\"d{}.{}@bench.example\",\"donor_name\":\"Ada Lovelace\",\
             \"message\":\"For the children\"}}",
            self.ground.campaigns[campaign], self.number, self.name
        );
    }

    async fn pay(
        &mut self,
        campaign: usize,
        pledge_id: &str,
        token: &str,
        http: &mut Http,
    ) -> Result<Paid, Failure> {
        let body = format!("{{\"pledge_id\":\"{pledge_id}\",\"provider\":\"sandbox\"}}");
        let (name, number) = (&self.name, self.number);
        let key = Key { kind: "payment", name, number, token: Some(token) };
        let reply = http.post("/api/v1/payments", key, body.as_bytes()).await;
        let answer: PaymentAnswer = read(done(reply, 201)?.body)?;
        let (payment_id, provider_payment_id) = (answer.id, answer.provider_payment_id);
        Ok(Paid { campaign, payment_id, provider_payment_id })
    }

    async fn hear(&self, what: &str, paid: &Paid, http: &mut Http) -> Result<(), Failure> {
        let event_id = format!("evt_{}_{}_{what}", self.name, self.number);
        deliver(&Letter::new(&self.ground, &event_id, what, paid), http).await
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| Failure::Refused(format!("an answer: {error}")))
}

/// The headers of a request that creates something.
struct Key<'a> {
    kind: &'a str,
    name: &'a str,
    number: u64,
    token: Option<&'a str>,
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, number, token } = self;
        write!(f, "idempotency-key: {kind}-{name}-{number}\r\n")?;
        token.map_or(Ok(()), |token| write!(f, "authorization: Bearer {token}\r\n"))
    }
}

/// A signed webhook.
#[derive(Debug)]
pub struct Letter {
    headers: String,
    body: String,
}

impl Letter {
    pub fn new(ground: &Ground, event_id: &str, what: &str, paid: &Paid) -> Self {
        let now = clock::now();
        let body = format!(
            "{{\"id\":\"{event_id}\",\"type\":\"{what}\",\"created_at\":\"{}\",\"data\":{{\
             \"payment_id\":\"{}\",\"amount_minor\":{AMOUNT_MINOR},\"currency\":\"USD\",\
             \"metadata\":{{\"payment_id\":\"{}\"}}}}}}",
            now.to_rfc3339_opts(SecondsFormat::Millis, true),
            paid.provider_payment_id,
            paid.payment_id
        );
        let at = now.timestamp();
        let signature = ground.keys.as_ref().map(|keys| keys.sign(event_id, at, body.as_bytes()));
        let headers = format!(
            "webhook-id: {event_id}\r\nwebhook-timestamp: {at}\r\nwebhook-signature: {}\r\n",
            signature.unwrap_or_default()
        );
        Self { headers, body }
    }
}

pub async fn deliver(letter: &Letter, http: &mut Http) -> Result<(), Failure> {
    let Letter { headers, body } = letter;
    done(http.post("/api/v1/webhooks/sandbox", headers, body.as_bytes()).await, 200).map(drop)
}
