//! One webhook on its way: HTTP POST with a fresh time and signature.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, header::CONTENT_TYPE, redirect::Policy};

use super::{
    super::repo::Claimed,
    signature::{ID, Keys, SIGNATURE, TIMESTAMP},
};
use crate::{
    kernel::clock,
    platform::telemetry::{self, Propagation},
};

/// Where webhooks go, and how long an answer may take.
#[derive(Clone)]
pub struct Post {
    client: Client,
    url: Arc<str>,
    keys: Keys,
}

impl Post {
    pub fn new(url: &str, keys: Keys, timeout: Duration) -> reqwest::Result<Self> {
        let client = Client::builder()
            .timeout(timeout)
            .connect_timeout(Duration::from_secs(2))
            .pool_max_idle_per_host(512)
            .redirect(Policy::none())
            .no_proxy()
            .user_agent("careforall-sandbox-bank")
            .build()?;
        Ok(Self { client, url: url.into(), keys })
    }

    /// Sends every copy at the same time; one acknowledgement is enough, for they are one event.
    pub async fn send(&self, event: &Claimed) -> bool {
        let copies = (0..event.copies.max(1)).map(|_| self.once(event));
        let answers = futures_util::future::join_all(copies).await;
        answers.into_iter().any(|ok| ok)
    }

    async fn once(&self, event: &Claimed) -> bool {
        let timestamp = clock::now().timestamp();
        let signature = self.keys.sign(&event.event_id, timestamp, event.body.as_bytes());
        let request = self
            .client
            .post(&*self.url)
            .header(CONTENT_TYPE, "application/json")
            .header(ID, &event.event_id)
            .header(TIMESTAMP, timestamp)
            .header(SIGNATURE, signature)
            .body(event.body.clone());
        let trace = event.trace_context.as_deref().and_then(|trace| trace.parse().ok());
        let sending = telemetry::send(request, Propagation::Traceparent);
        match telemetry::resume(trace, sending).await {
            Ok(answer) => {
                let status = answer.status();
                // an answer read to its end frees its connection for the next webhook
                let _ = answer.bytes().await;
                status.is_success() || self.refused(event, &status)
            }
            Err(error) => self.refused(event, &error),
        }
    }

    fn refused(&self, event: &Claimed, why: &dyn std::fmt::Display) -> bool {
        let (event_id, attempt) = (&event.event_id, event.attempts);
        tracing::info!(event_id, attempt, %why, url = &*self.url, "webhook not acknowledged");
        false
    }
}
