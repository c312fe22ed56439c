//! Reading the providers' lists of events into the inbox, where they are judged like webhooks. An
//! event that was posted to us before is a duplicate.

use chrono::TimeDelta;
use futures_util::future::try_join_all;

use super::{
    super::{
        api::{EventPage, Provider},
        inbox,
        repo::{self, ProviderCursor},
    },
    Sweeper,
};
use crate::kernel::clock;

/// Where the first reading begins: as far back as an event may wait in the inbox.
const FIRST: TimeDelta = TimeDelta::hours(72);
/// Longer than a page takes, calling and storing.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// The clocks of two replicas may differ by this much.
const SKEW: TimeDelta = TimeDelta::seconds(60);

impl Sweeper {
    pub(super) async fn read_due_events(&self) -> anyhow::Result<()> {
        for provider in self.service.providers().all() {
            let now = clock::now();
            let mut conn = self.database.conn().await?;
            let furthest = now + LEASE.max(self.service.pace().events_every) + SKEW;
            let (since, until) = (now - FIRST, now + LEASE);
            let held =
                repo::claim_cursor(&mut conn, provider.name(), since, until, furthest).await?;
            drop(conn);
            if let Some(held) = held
                && let Err(error) = self.read_events(provider, held).await
            {
                let name = provider.name();
                tracing::warn!(provider = name, error = format!("{error:#}"), "events not read");
            }
        }
        Ok(())
    }

    /// Page after page; the cursor moves when a page is in the inbox, and is ours until then.
    async fn read_events(
        &self,
        provider: &dyn Provider,
        mut held: ProviderCursor,
    ) -> anyhow::Result<()> {
        loop {
            let page = match provider.events(held.since, held.cursor.as_deref()).await {
                Ok(page) => page,
                Err(error) => {
                    let (cursor, next) = (held.cursor.clone(), self.next_reading());
                    self.note(&held, cursor.as_deref(), next, None).await?;
                    return Err(error.into());
                }
            };
            self.admit(provider, &page).await?;
            let cursor = page.cursor.or(held.cursor.clone());
            let now = clock::now();
            let (next, read_at) =
                if page.has_more { (now + LEASE, None) } else { (self.next_reading(), Some(now)) };
            if !self.note(&held, cursor.as_deref(), next, read_at).await? || !page.has_more {
                return Ok(());
            }
            (held.cursor, held.next_poll_at) = (cursor, next);
        }
    }

    /// Returns once every event of the page is durable.
    async fn admit(&self, provider: &dyn Provider, page: &EventPage) -> anyhow::Result<()> {
        let letters = page.events.iter().map(|event| {
            let parsed = provider.parse(None, &event.body);
            self.door.admit(inbox::letter(provider, &event.body, &parsed))
        });
        let arrivals = try_join_all(letters).await?;
        let news = arrivals.iter().filter(|arrival| **arrival == inbox::Arrival::Accepted).count();
        if news > 0 {
            self.service.wake_inbox();
            let name = provider.name();
            tracing::info!(provider = name, news, "events that no webhook brought");
            metrics::counter!("provider_events_read_total", "provider" => name)
                .increment(u64::try_from(news).unwrap_or(0));
        }
        Ok(())
    }

    fn next_reading(&self) -> chrono::DateTime<chrono::Utc> {
        clock::now() + self.service.pace().events_every
    }

    async fn note(
        &self,
        held: &ProviderCursor,
        cursor: Option<&str>,
        next_poll_at: chrono::DateTime<chrono::Utc>,
        read_at: Option<chrono::DateTime<chrono::Utc>>,
    ) -> anyhow::Result<bool> {
        let mut conn = self.database.conn().await?;
        Ok(repo::move_cursor(&mut conn, held, cursor, next_poll_at, read_at).await?)
    }
}
