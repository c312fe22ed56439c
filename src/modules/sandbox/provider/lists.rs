//! The bank's lists, by pages.

use chrono::{DateTime, Utc};

use super::{SandboxProvider, words};
use crate::modules::payment::api::{
    EventPage, ListedEvent, PaymentPage, ProviderError, ProviderPayment, ReturnedPage,
};

/// How much a page of a list holds.
const PAGE: i64 = 100;

impl SandboxProvider {
    pub(super) async fn list_events(
        &self,
        since: DateTime<Utc>,
        cursor: Option<&str>,
    ) -> Result<EventPage, ProviderError> {
        let after = cursor.map(|cursor| cursor.parse::<i64>().map_err(|_| bad_cursor()));
        let said = self.bank.said(since, after.transpose()?, PAGE).await?;
        let last = said.last().map(|said| said.seq.to_string());
        Ok(EventPage {
            has_more: full(said.len()),
            cursor: last.or_else(|| cursor.map(str::to_owned)),
            events: said.into_iter().map(ListedEvent::from).collect(),
        })
    }

    pub(super) async fn list_payments(
        &self,
        span: (DateTime<Utc>, DateTime<Utc>),
        cursor: Option<&str>,
    ) -> Result<PaymentPage, ProviderError> {
        let after = match cursor {
            Some(cursor) => Some(words::read_cursor(cursor).ok_or_else(bad_cursor)?),
            None => None,
        };
        let made = self.bank.made(span, after, PAGE).await?;
        let full = full(made.len());
        let last = made.last().filter(|_| full);
        Ok(PaymentPage {
            cursor: last.map(|last| format!("{} {}", last.created_at.timestamp_micros(), last.id)),
            payments: made.into_iter().map(ProviderPayment::from).collect(),
        })
    }

    pub(super) async fn list_returned(
        &self,
        span: (DateTime<Utc>, DateTime<Utc>),
        cursor: Option<&str>,
    ) -> Result<ReturnedPage, ProviderError> {
        let names = self.bank.returned(span, cursor.unwrap_or(""), PAGE).await?;
        let cursor = names.last().filter(|_| full(names.len())).cloned();
        Ok(ReturnedPage { provider_payment_ids: names, cursor })
    }
}

fn full(page: usize) -> bool {
    i64::try_from(page).is_ok_and(|page| page >= PAGE)
}

fn bad_cursor() -> ProviderError {
    ProviderError::Refused("the cursor is not the bank's".into())
}
