//! Stripe's events of the last 30 days, oldest first.
//!
//! Stripe lists the newest first. `ending_before` gives those next after an event, and the event
//! before the first one that is wanted is found with `created[lt]`. Where there is none such, a
//! stretch of time is halved until all of its events fit on one page.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tokio::time::Instant;

use super::{PAGE, StripeAccount, deadline};
use crate::{
    kernel::clock,
    modules::{
        payment::api::{EventPage, ListedEvent, ProviderError},
        stripe::{client::Call, dto::List, error::StripeError, webhook::TYPES},
    },
};

/// Younger events are left for the next call: one that was made earlier may still appear before
/// them, and the cursor would have passed it.
const SETTLED: TimeDelta = TimeDelta::seconds(10);

/// `<seconds since 1970>,<event id>`: when Stripe no longer has the event, its time serves.
struct Cursor<'a> {
    at: DateTime<Utc>,
    event: &'a str,
}

impl<'a> Cursor<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (at, event) = text.split_once(',')?;
        Some(Self { at: DateTime::from_timestamp(at.parse().ok()?, 0)?, event })
    }
}

impl StripeAccount {
    pub async fn events(
        &self,
        since: DateTime<Utc>,
        cursor: Option<&str>,
    ) -> Result<EventPage, ProviderError> {
        let (until, end) = (deadline(), clock::now() - SETTLED);
        let malformed = || ProviderError::Refused("this is no cursor of Stripe's events".into());
        let known = cursor.map(|text| Cursor::read(text).ok_or_else(malformed)).transpose()?;
        let list = match &known {
            None => self.from(since, end, until).await?,
            Some(known) => match self.after(known.event, end, until).await {
                Err(error) if error.is_refusal() => self.from(known.at, end, until).await?,
                other => other?,
            },
        };
        let cursor = list.data.first().and_then(cursor_of).or(cursor.map(str::to_owned));
        let events = list.data.iter().rev().filter_map(listed).collect();
        Ok(EventPage { events, cursor, has_more: list.has_more })
    }

    async fn from(
        &self,
        since: DateTime<Utc>,
        end: DateTime<Utc>,
        until: Instant,
    ) -> Result<List<Value>, StripeError> {
        let before = of_ours(1).field("created[lt]", since.timestamp());
        let before: List<Value> = self.client.send(&before, until).await?;
        match before.data.first().and_then(|event| event["id"].as_str()) {
            Some(id) => self.after(id, end, until).await,
            None => self.first_stretch(since, end, until).await,
        }
    }

    async fn after(
        &self,
        event: &str,
        end: DateTime<Utc>,
        until: Instant,
    ) -> Result<List<Value>, StripeError> {
        let call =
            of_ours(PAGE).field("ending_before", event).field("created[lte]", end.timestamp());
        self.client.send(&call, until).await
    }

    /// Nothing is older than `since`, so that no event can be named to begin with.
    async fn first_stretch(
        &self,
        since: DateTime<Utc>,
        end: DateTime<Utc>,
        until: Instant,
    ) -> Result<List<Value>, StripeError> {
        let (mut low, mut high, end) = (since.timestamp(), end.timestamp(), end.timestamp());
        loop {
            let call = of_ours(PAGE).field("created[gte]", low).field("created[lte]", high);
            let list: List<Value> = self.client.send(&call, until).await?;
            if list.has_more {
                if low >= high {
                    let why = "a second with more events than a page";
                    return Err(StripeError::Strange(why.into()));
                }
                high = low + (high - low) / 2;
            } else if list.data.is_empty() && high < end {
                (low, high) = (high + 1, end);
            } else {
                return Ok(List { has_more: high < end, ..list });
            }
        }
    }
}

fn of_ours(limit: usize) -> Call<'static> {
    let call = Call::get(&["events"]).field("limit", limit);
    TYPES.iter().fold(call, |call, name| call.field("types[]", name))
}

fn cursor_of(event: &Value) -> Option<String> {
    Some(format!("{},{}", event["created"].as_i64()?, event["id"].as_str()?))
}

/// What has no id is no event.
fn listed(event: &Value) -> Option<ListedEvent> {
    let event_id = event["id"].as_str()?.to_owned();
    Some(ListedEvent { event_id, body: event.to_string().into_bytes() })
}
