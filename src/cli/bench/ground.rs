//! What a run stands on: a server that may be driven, campaigns of its own, and, where a scenario
//! begins with them, payments that wait for the provider's word.

use std::{cell::RefCell, net::SocketAddr, sync::Arc, time::Instant};

use anyhow::{Context, anyhow, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::{Client, StatusCode, Url};
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    donor::{Donor, Failure, Letter, Paid, deliver},
    http::Http,
    tally::{Said, Tally, Window},
};
use crate::{kernel::clock, modules::sandbox::Keys};

/// Requests under way at once while preparing.
const AT_ONCE: usize = 16;

pub struct Ground {
    pub address: SocketAddr,
    /// Their ids; the last `probes` ones are the probes' own.
    pub campaigns: Vec<String>,
    pub probes: usize,
    /// Makes keys, addresses and events of this run its own.
    pub run: String,
    pub keys: Option<Keys>,
    pub paid: Vec<Paid>,
}

/// How the ground is to be.
pub struct Wanted<'a> {
    pub url: &'a Url,
    pub campaigns: usize,
    pub probes: usize,
    pub payments: usize,
    pub webhook_secret: Option<&'a SecretString>,
}

impl Ground {
    /// # Errors
    /// When the server takes real money, limits the rate, or does not do what is asked of it.
    pub async fn prepare(wanted: &Wanted<'_>) -> anyhow::Result<Self> {
        let http = Client::builder().no_proxy().build()?;
        refuse_production(&http, wanted.url).await?;
        let owner = Owner::register(http, wanted.url).await?;
        let campaigns = owner.open_campaigns(wanted.campaigns + wanted.probes).await?;
        let mut ground = Self {
            address: resolve(wanted.url).await?,
            campaigns,
            probes: wanted.probes,
            run: owner.run,
            keys: keys(wanted.webhook_secret)?,
            paid: Vec::new(),
        };
        if wanted.payments > 0 {
            let bare = Arc::new(ground);
            let paid = make_payments(&bare, wanted.payments).await?;
            ground = Arc::into_inner(bare).ok_or_else(|| anyhow!("the ground is still in use"))?;
            ground.paid = paid;
        }
        Ok(ground)
    }

    /// Nothing but an address: for the empty handler.
    pub async fn bare(url: &Url) -> anyhow::Result<Self> {
        Ok(Self {
            address: resolve(url).await?,
            campaigns: Vec::new(),
            probes: 0,
            run: clock::new_id().simple().to_string(),
            keys: None,
            paid: Vec::new(),
        })
    }

    /// How many campaigns the load is spread over.
    pub fn spread(&self) -> usize {
        self.campaigns.len() - self.probes
    }

    /// What has to be counted of the payments once each of them was captured.
    pub fn said_of_payments(&self) -> Vec<Said> {
        let mut said = vec![Said::default(); self.campaigns.len()];
        for paid in &self.paid {
            said[paid.campaign].pledged += 1;
            said[paid.campaign].captured += 1;
        }
        said
    }

    /// Tells once more of every capture, after everything else: what is counted then must stay.
    pub async fn capture_all(&self) -> anyhow::Result<()> {
        let mut http = Http::connect(self.address).await?;
        for (number, paid) in self.paid.iter().enumerate() {
            let event_id = format!("evt_{}_last_{number}", self.run);
            let letter = Letter::new(self, &event_id, "payment.captured", paid);
            deliver(&letter, &mut http).await.map_err(|failure| anyhow!("{failure}"))?;
        }
        Ok(())
    }
}

/// A server without the sandbox bank takes real money; in production there is no such bank.
async fn refuse_production(http: &Client, url: &Url) -> anyhow::Result<()> {
    let bank = url.join(&format!("/api/v1/sandbox/payments?payment_id={}", Uuid::nil()))?;
    let answer = http.get(bank).send().await.context("the server does not answer")?;
    ensure!(
        answer.status() == StatusCode::OK,
        "this server has no sandbox bank, so it may be in production: it is not driven"
    );
    let limited = answer.headers().contains_key("ratelimit-limit");
    ensure!(!limited, "start the server with CAREFORALL_RATE_LIMIT__ENABLED=false");
    Ok(())
}

async fn resolve(url: &Url) -> anyhow::Result<SocketAddr> {
    ensure!(url.scheme() == "http", "only http:// is spoken here");
    let host = url.host_str().context("a URL without a host")?;
    let port = url.port_or_known_default().context("a URL without a port")?;
    let mut found = tokio::net::lookup_host((host, port)).await?;
    found.next().with_context(|| format!("{host} has no address"))
}

fn keys(secret: Option<&SecretString>) -> anyhow::Result<Option<Keys>> {
    secret.map(|secret| Ok(Keys::new(std::slice::from_ref(secret))?)).transpose()
}

/// Who owns the campaigns.
struct Owner {
    http: Client,
    url: Url,
    run: String,
    token: String,
}

impl Owner {
    async fn register(http: Client, url: &Url) -> anyhow::Result<Self> {
        let run = clock::new_id().simple().to_string();
        let email = format!("owner-{run}@bench.example");
        let mut owner = Self { http, url: url.clone(), run, token: String::new() };
        let account = json!({ "email": email, "password": owner.run, "name": "Bench" });
        owner.post("/auth/register", &account).await?;
        let login = json!({ "email": email, "password": owner.run });
        owner.token = text(&owner.post("/auth/login", &login).await?, "access_token")?;
        Ok(owner)
    }

    async fn open_campaigns(&self, count: usize) -> anyhow::Result<Vec<String>> {
        stream::iter(0..count).map(|_| self.open_campaign()).buffered(AT_ONCE).try_collect().await
    }

    async fn open_campaign(&self) -> anyhow::Result<String> {
        let draft = json!({ "title": "Bench", "description": "Driven by careforall bench",
                            "goal_minor": 1_000_000_000_000_i64, "currency": "USD" });
        let id = text(&self.post("/campaigns", &draft).await?, "id")?;
        self.post(&format!("/campaigns/{id}/publish"), &json!({})).await?;
        Ok(id)
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let url = self.url.join(&format!("/api/v1{path}"))?;
        let request = self.http.post(url).json(body).bearer_auth(&self.token);
        let answer = request.send().await?;
        let (status, body) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "POST {path}: {status}: {body}");
        Ok(serde_json::from_str(&body)?)
    }
}

fn text(body: &Value, member: &str) -> anyhow::Result<String> {
    let value = body[member].as_str().map(str::to_owned);
    value.with_context(|| format!("no `{member}` in {body}"))
}

/// Payments of as many pledges, spread over the campaigns.
async fn make_payments(ground: &Arc<Ground>, count: usize) -> anyhow::Result<Vec<Paid>> {
    let share = |maker: usize| (maker..count).step_by(AT_ONCE);
    let makers = (0..AT_ONCE).map(|maker| async move {
        let mut http = Http::connect(ground.address).await?;
        let mut donor = Donor::new(ground.clone(), &format!("maker{maker}"));
        let mut made = Vec::new();
        for number in share(maker) {
            let campaign = number % ground.spread();
            let paid = pay(&mut donor, campaign, &mut http, ground).await;
            made.push(paid.map_err(|failure| anyhow!("a payment to begin with: {failure}"))?);
        }
        anyhow::Ok(made)
    });
    let made = futures_util::future::try_join_all(makers).await?;
    Ok(made.into_iter().flatten().collect())
}

async fn pay(
    donor: &mut Donor,
    campaign: usize,
    http: &mut Http,
    ground: &Ground,
) -> Result<Paid, Failure> {
    let now = Instant::now();
    let unseen = RefCell::new(Tally::new(Window { from: now, until: now }, ground.campaigns.len()));
    donor.advance(campaign, http, &unseen, now).await?;
    donor.advance(campaign, http, &unseen, now).await?;
    donor.take_payment().ok_or_else(|| Failure::Refused("no payment was made".to_owned()))
}
