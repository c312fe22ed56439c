//! `careforall demo`: a whole donation against a running server, step by step. Whatever differs
//! from what it should be ends it with an error.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{kernel::clock, platform::telemetry::TraceContext};

/// How long things that happen behind the scenes may take.
const PATIENCE: Duration = Duration::from_secs(20);
const AMOUNT: i64 = 2500;

/// Runs the demonstration against the server at `url`.
pub async fn run(url: &str) -> anyhow::Result<()> {
    let root = TraceContext::root();
    let mut demo = Demo {
        http: reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?,
        base: format!("{}/api/v1", url.trim_end_matches('/')),
        run: clock::new_id().simple().to_string(),
        trace: format!("00-{}-{}-01", root.trace_id(), root.span_id()),
        step: 0,
    };
    let campaign = demo.open_campaign().await?;
    let (pledge, token) = demo.pledge(&campaign).await?;
    let payment = demo.pay(&pledge, &token).await?;
    demo.capture_first(&payment, &token).await?;
    demo.repeat_webhooks(&payment, &token).await?;
    demo.count(&campaign).await?;
    println!("\nEverything is as it should be.");
    Ok(())
}

struct Demo {
    http: reqwest::Client,
    base: String,
    /// Makes the e-mail addresses and keys of this run its own.
    run: String,
    /// The `traceparent` of everything that is sent, so that it is one trace, and recorded.
    trace: String,
    step: u32,
}

struct Answer {
    status: StatusCode,
    replayed: bool,
    body: Value,
    trace: String,
}

impl Demo {
    /// An owner signs up, drafts a campaign and publishes it.
    async fn open_campaign(&mut self) -> anyhow::Result<String> {
        let email = format!("owner-{}@demo.example", self.run);
        let account = json!({ "email": email, "password": self.run, "name": "Demo Owner" });
        self.expect(201, "/auth/register", None, None, &account).await?;
        let login = json!({ "email": email, "password": self.run });
        let session = self.expect(200, "/auth/login", None, None, &login).await?;
        let token = text(&session.body, "access_token")?;
        let draft = json!({ "title": "Demo", "description": "A demonstration",
                            "goal_minor": 10_000, "currency": "USD" });
        let campaign = self.expect(201, "/campaigns", Some(&token), None, &draft).await?;
        let id = text(&campaign.body, "id")?;
        let path = format!("/campaigns/{id}/publish");
        let published = self.expect(200, &path, Some(&token), None, &json!({})).await?;
        equal(&published.body["status"], &json!("active"), "the campaign's status")?;
        self.tell("a campaign is open", &published, &id);
        Ok(id)
    }

    /// A guest pledges, and sends the same request again.
    async fn pledge(&mut self, campaign: &str) -> anyhow::Result<(String, String)> {
        let gift = json!({ "campaign_id": campaign, "amount_minor": AMOUNT, "currency": "USD",
                           "donor_email": format!("donor-{}@demo.example", self.run) });
        let key = format!("pledge-{}", self.run);
        let first = self.expect(201, "/pledges", None, Some(&key), &gift).await?;
        let (id, token) = (text(&first.body, "id")?, text(&first.body, "guest_token")?);
        self.tell("a guest pledges 25.00 USD", &first, &id);
        let again = self.expect(201, "/pledges", None, Some(&key), &gift).await?;
        ensure!(again.replayed, "the repeated pledge does not say Idempotent-Replayed");
        equal(&again.body, &first.body, "the answer to the repeated pledge")?;
        self.tell("the same request again: the same pledge, replayed", &again, &id);
        let other = json!({ "campaign_id": campaign, "amount_minor": AMOUNT + 1, "currency": "USD",
                            "donor_email": format!("donor-{}@demo.example", self.run) });
        let reused = self.expect(422, "/pledges", None, Some(&key), &other).await?;
        equal(&reused.body["code"], &json!("idempotency-key-reused"), "the problem's code")?;
        self.tell("the same key for another amount: refused", &reused, "");
        Ok((id, token))
    }

    async fn pay(&mut self, pledge: &str, token: &str) -> anyhow::Result<Value> {
        let key = format!("payment-{}", self.run);
        let order = json!({ "pledge_id": pledge });
        let payment = self.expect(201, "/payments", Some(token), Some(&key), &order).await?;
        equal(&payment.body["status"], &json!("pending"), "the payment's status")?;
        self.tell("a payment is made", &payment, &text(&payment.body, "id")?);
        let key = format!("payment-{}-again", self.run);
        let second = self.expect(409, "/payments", Some(token), Some(&key), &order).await?;
        equal(&second.body["code"], &json!("payment-already-active"), "the problem's code")?;
        self.tell("a second payment with a new key: no second charge", &second, "");
        Ok(payment.body)
    }

    /// The donor confirms at the bank, which tells of the capture before the authorization.
    async fn capture_first(&mut self, payment: &Value, token: &str) -> anyhow::Result<()> {
        let path = format!("/sandbox/payments/{}/confirm", text(payment, "provider_payment_id")?);
        let method = json!({ "payment_method": "pm_capture_first" });
        let confirmed = self.expect(202, &path, None, None, &method).await?;
        self.tell("the bank takes the money", &confirmed, "");
        let path = format!("/payments/{}/history?limit=100", text(payment, "id")?);
        let history = self
            .wait("captured, then authorized, in the history", &path, token, |history| {
                let events = words(history, "event");
                let at = |name: &str| events.iter().position(|event| event == name);
                matches!((at("payment.captured"), at("payment.authorized")),
                         (Some(captured), Some(authorized)) if captured < authorized)
            })
            .await?;
        let late = history.body["data"]
            .as_array()
            .and_then(|rows| rows.iter().find(|row| row["event"] == "payment.authorized"));
        let decision = late.map(|row| row["decision"].clone()).unwrap_or_default();
        equal(&decision, &json!("stale"), "the decision about the late authorization")?;
        let path = format!("/payments/{}", text(payment, "id")?);
        let captured = self.get(&path, Some(token)).await?;
        equal(&captured.body["status"], &json!("captured"), "the payment's status")?;
        self.tell("captured came before authorized: it ends captured", &captured, "");
        Ok(())
    }

    /// The bank sends every webhook of this payment ten more times.
    async fn repeat_webhooks(&mut self, payment: &Value, token: &str) -> anyhow::Result<()> {
        let path = format!("/payments/{}", text(payment, "id")?);
        let before = self.get(&path, Some(token)).await?;
        let bank = format!("/sandbox/payments/{}", text(payment, "provider_payment_id")?);
        let again = format!("{bank}/redeliver");
        let sent = self.expect(202, &again, None, None, &json!({ "copies": 10 })).await?;
        let events = format!("{bank}/events");
        self.wait("ten more deliveries of each webhook", &events, "", |events| {
            let events = events["data"].as_array().map_or(&[][..], Vec::as_slice);
            !events.is_empty() && events.iter().all(|event| event["delivered_at"].is_string())
        })
        .await?;
        let after = self.get(&path, Some(token)).await?;
        equal(&after.body, &before.body, "the payment after the repeated webhooks")?;
        self.tell("each webhook ten more times: nothing changes", &sent, "");
        Ok(())
    }

    async fn count(&mut self, campaign: &str) -> anyhow::Result<()> {
        let path = format!("/campaigns/{campaign}/totals?realtime=true");
        let expected = json!({ "captured_minor": AMOUNT, "net_minor": AMOUNT,
                               "pledged_minor": AMOUNT, "donation_count": 1, "donor_count": 1 });
        let holds = |totals: &Value| {
            expected.as_object().is_some_and(|all| all.iter().all(|(k, v)| &totals[k] == v))
        };
        let totals = self.wait("the total", &path, "", holds).await?;
        self.tell("the campaign's total is 25.00 USD, from one gift", &totals, "");
        Ok(())
    }

    fn tell(&mut self, what: &str, answer: &Answer, id: &str) {
        self.step += 1;
        let status = answer.status.as_u16();
        println!("{:>2}. {what}\n      {status}  trace {}  {id}", self.step, answer.trace);
    }

    async fn expect(
        &self,
        status: u16,
        path: &str,
        token: Option<&str>,
        key: Option<&str>,
        body: &Value,
    ) -> anyhow::Result<Answer> {
        let mut request = self.http.request(Method::POST, format!("{}{path}", self.base));
        request = request.header("traceparent", &self.trace);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = read(request.json(body)).await.with_context(|| format!("POST {path}"))?;
        ensure!(
            answer.status.as_u16() == status,
            "POST {path} answered {} instead of {status}: {}",
            answer.status,
            answer.body
        );
        Ok(answer)
    }

    async fn get(&self, path: &str, token: Option<&str>) -> anyhow::Result<Answer> {
        let mut request = self.http.get(format!("{}{path}", self.base));
        if let Some(token) = token.filter(|token| !token.is_empty()) {
            request = request.bearer_auth(token);
        }
        read(request).await.with_context(|| format!("GET {path}"))
    }

    /// Asks until the answer holds.
    async fn wait(
        &self,
        what: &str,
        path: &str,
        token: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Answer> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.get(path, Some(token)).await?;
            if answer.status.is_success() && holds(&answer.body) {
                return Ok(answer);
            }
            if Instant::now() > deadline {
                bail!("waited in vain for {what}; last seen: {}", answer.body);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn read(request: reqwest::RequestBuilder) -> anyhow::Result<Answer> {
    let response = request.send().await?;
    let header = |name: &str| {
        response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
    };
    let (trace, replayed) = (header("trace-id"), header("idempotent-replayed") == "true");
    let status = response.status();
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok(Answer { status, replayed, body, trace })
}

fn text(body: &Value, member: &str) -> anyhow::Result<String> {
    let value = body.get(member).and_then(Value::as_str);
    value.map(str::to_owned).with_context(|| format!("no `{member}` in {body}"))
}

fn words(history: &Value, member: &str) -> Vec<String> {
    let rows = history["data"].as_array().map_or(&[][..], Vec::as_slice);
    rows.iter().filter_map(|row| row[member].as_str()).map(str::to_owned).collect()
}

fn equal(found: &Value, expected: &Value, what: &str) -> anyhow::Result<()> {
    ensure!(found == expected, "{what} is {found}, and should be {expected}");
    Ok(())
}
