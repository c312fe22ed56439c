//! One call to Stripe's API: form-encoded out, JSON in, bounded in time, repeated where a
//! repetition has no second effect.

mod retry;

use std::time::Duration;

use reqwest::{
    Method, RequestBuilder, Response, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
    redirect::Policy,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::time::{Instant, sleep};

use super::{
    dto::Moded,
    error::{ErrorBody, StripeError},
    mode::Mode,
};
use crate::platform::telemetry::{self, Propagation};
use retry::{Heard, wait};

/// The shape of everything that is read here; webhooks come in the endpoint's own version.
const VERSION: &str = "2025-09-30.clover";

/// Nothing is asked within less than this: it would only be cut off.
const LEAST: Duration = Duration::from_millis(50);

/// Why Stripe cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum BadSettings {
    #[error("the key does not have the form sk_test_…, sk_live_…, rk_test_… or rk_live_…")]
    Key,
    #[error("the address of the API is no URL")]
    Base,
    #[error("no HTTP client can be made: {0}")]
    Client(#[from] reqwest::Error),
}

/// A connection to one account, in one mode. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    mode: Mode,
}

/// A request that can be sent again unchanged.
#[derive(Debug)]
pub struct Call<'a> {
    method: Method,
    path: &'a [&'a str],
    fields: Vec<(String, String)>,
    key: Option<&'a str>,
}

impl<'a> Call<'a> {
    pub fn get(path: &'a [&'a str]) -> Self {
        Self { method: Method::GET, path, fields: Vec::new(), key: None }
    }

    /// Without a key only what may be repeated as it is.
    pub fn post(path: &'a [&'a str], key: Option<&'a str>) -> Self {
        Self { method: Method::POST, path, fields: Vec::new(), key }
    }

    /// Names as Stripe writes them: `metadata[payment_id]`.
    #[allow(clippy::needless_pass_by_value, reason = "callers pass what they have")]
    pub fn field(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.fields.push((name.into(), value.to_string()));
        self
    }
}

impl Client {
    /// `base` is without `/v1`.
    pub fn new(key: &SecretString, base: &str) -> Result<Self, BadSettings> {
        let mode = Mode::of_key(key.expose_secret()).ok_or(BadSettings::Key)?;
        let base: Url = format!("{base}/v1").parse().map_err(|_| BadSettings::Base)?;
        let host = base.host_str().filter(|_| !base.cannot_be_a_base()).ok_or(BadSettings::Base)?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", key.expose_secret()))
            .map_err(|_| BadSettings::Key)?;
        // so that no log of headers ever shows it
        bearer.set_sensitive(true);
        let version = HeaderValue::from_static(VERSION);
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, bearer),
            (reqwest::header::HeaderName::from_static("stripe-version"), version),
        ]);
        let mut http = reqwest::Client::builder()
            .default_headers(headers)
            .connect_timeout(Duration::from_secs(2))
            .redirect(Policy::none())
            .user_agent(concat!("careforall/", env!("CARGO_PKG_VERSION")));
        if matches!(host, "127.0.0.1" | "localhost" | "[::1]") {
            http = http.no_proxy();
        }
        Ok(Self { http: http.build()?, base, mode })
    }

    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Sends it, again if need be and if there is time before `until`.
    pub async fn send<T>(&self, call: &Call<'_>, until: Instant) -> Result<T, StripeError>
    where
        T: DeserializeOwned + Moded,
    {
        let mut attempt = 0;
        loop {
            let (mut heard, outcome) = match self.once(call, until).await {
                Ok(answer) => (Heard::from(&answer), self.read(answer).await),
                Err(error) => (Heard::NOTHING, Err(lost(&error))),
            };
            count(&outcome);
            let error = match outcome {
                Ok(object) => return Ok(object),
                Err(error) => error,
            };
            if matches!(error, StripeError::NoAnswer(_)) {
                // an answer that broke off is none
                heard = Heard::NOTHING;
            }
            let pause = wait(&heard, attempt);
            let pause = pause.filter(|pause| Instant::now() + *pause + LEAST < until);
            let Some(pause) = pause else { return Err(error) };
            tracing::debug!(path = call.path.join("/"), %error, attempt, "Stripe is asked again");
            sleep(pause).await;
            attempt += 1;
        }
    }

    async fn once(&self, call: &Call<'_>, until: Instant) -> reqwest::Result<Response> {
        let left = until.saturating_duration_since(Instant::now());
        // our traces are none of Stripe's business; what it is to give back is in the metadata
        telemetry::send(self.request(call).timeout(left), Propagation::None).await
    }

    fn request(&self, call: &Call<'_>) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(call.path);
        }
        let request = self.http.request(call.method.clone(), url);
        let request = if call.method == Method::GET {
            request.query(&call.fields)
        } else {
            request.form(&call.fields)
        };
        match call.key {
            Some(key) => request.header("Idempotency-Key", key),
            None => request,
        }
    }

    async fn read<T>(&self, answer: Response) -> Result<T, StripeError>
    where
        T: DeserializeOwned + Moded,
    {
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| lost(&error))?;
        if !status.is_success() {
            #[derive(Deserialize)]
            struct Answer {
                error: ErrorBody,
            }
            // a proxy's page is no word of Stripe's, but its status counts
            let body = serde_json::from_slice::<Answer>(&body).map(|a| a.error);
            let body = Box::new(body.unwrap_or_default());
            if let Some(intent) = &body.payment_intent {
                self.admit(intent)?;
            }
            return Err(StripeError::Answered { status: status.as_u16(), body });
        }
        let object: T = serde_json::from_slice(&body)
            .map_err(|error| StripeError::NoAnswer(format!("the answer is unreadable: {error}")))?;
        self.admit(&object)?;
        Ok(object)
    }

    /// Nothing of the other mode is believed, whatever key brought it.
    fn admit(&self, object: &impl Moded) -> Result<(), StripeError> {
        if self.mode.admits(object.livemode()) {
            return Ok(());
        }
        let mode = self.mode;
        tracing::error!(%mode, "an object of the other mode came with our key");
        metrics::counter!("stripe_mode_mismatches_total", "seen_in" => "answer").increment(1);
        Err(StripeError::Strange(format!("the object is not of {mode} mode, as our key is")))
    }
}

/// The URL is left out: it tells nothing that the caller does not know.
fn lost(error: &reqwest::Error) -> StripeError {
    let what = match error {
        e if e.is_timeout() => "no answer in time",
        e if e.is_connect() => "no connection",
        _ => "the connection broke",
    };
    StripeError::NoAnswer(what.to_owned())
}

fn count<T>(outcome: &Result<T, StripeError>) {
    let outcome = match outcome {
        Ok(_) => "ok",
        Err(StripeError::Answered { status: 429, .. }) => "throttled",
        Err(StripeError::Answered { status: 402, .. }) => "declined",
        Err(StripeError::Answered { status: 500.., .. }) => "failed",
        Err(StripeError::Answered { .. } | StripeError::Inexpressible(_)) => "refused",
        Err(StripeError::NoAnswer(_)) => "no_answer",
        Err(StripeError::Strange(_)) => "strange",
    };
    metrics::counter!("stripe_requests_total", "outcome" => outcome).increment(1);
}
