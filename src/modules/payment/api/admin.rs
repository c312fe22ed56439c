//! Payments and webhooks for administrators.

use diesel::QueryResult;

pub use super::super::{
    dto::PaymentBody,
    repo::{
        Progress, RefundRunRow,
        admin::{PaymentFilter, WebhookFilter, WebhookKey, WebhookRow},
    },
};
use super::super::{
    repo::{self, admin},
    service::begin_run,
};
use crate::{
    kernel::{
        clock,
        ids::{CampaignId, PaymentId, UserId},
        page::{Page, PageRequest},
    },
    platform::postgres::Connection,
};

/// A page of payments, newest first, without what confirms them.
pub async fn list_payments(
    conn: &mut Connection,
    filter: &PaymentFilter,
    page: &PageRequest<PaymentId>,
) -> QueryResult<Page<PaymentBody>> {
    let rows = admin::list_payments(conn, filter, page).await?;
    let found = Page::new(rows, page.limit, |row| row.id);
    Ok(found.map(|row| PaymentBody::new(row, false)))
}

/// A page of webhooks, newest first.
pub async fn list_webhooks(
    conn: &mut Connection,
    filter: &WebhookFilter,
    page: &PageRequest<WebhookKey>,
) -> QueryResult<Page<WebhookRow>> {
    let rows = admin::list_webhooks(conn, filter, page).await?;
    Ok(Page::new(rows, page.limit, |row| (row.received_at, row.id)))
}

/// Begins to give back all gifts of a campaign, which the caller has locked and found cancelled;
/// returns the run, and whether it is new: a campaign has one at a time. In the caller's
/// transaction. The worker finds it within a second.
pub async fn refund_all(
    conn: &mut Connection,
    campaign: CampaignId,
    requested_by: UserId,
    reason: &str,
) -> QueryResult<(RefundRunRow, bool)> {
    begin_run(conn, campaign, requested_by, reason).await
}

/// The campaign's newest run, and how far all of them have got.
pub async fn refund_progress(
    conn: &mut Connection,
    campaign: CampaignId,
) -> QueryResult<Option<(RefundRunRow, Progress)>> {
    let Some(run) = repo::last_run(conn, campaign).await? else { return Ok(None) };
    Ok(Some((run, repo::progress_of_runs(conn, campaign).await?)))
}

/// Why a webhook is not judged again.
#[derive(Debug, thiserror::Error)]
pub enum NotReplayable {
    #[error("no webhook has this id")]
    NotFound,
    #[error("a webhook that is {0} is not replayed")]
    Settled(String),
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
}

/// Makes a webhook that waits, is quarantined or dead due at once; returns it as it was and as it
/// is. In the caller's transaction; the caller wakes the inbox worker after it.
pub async fn replay_webhook(
    conn: &mut Connection,
    id: i64,
) -> Result<(WebhookRow, WebhookRow), NotReplayable> {
    let before = admin::lock_webhook(conn, id).await?.ok_or(NotReplayable::NotFound)?;
    if !matches!(before.status.as_str(), "deferred" | "quarantined" | "dead") {
        return Err(NotReplayable::Settled(before.status));
    }
    let after = admin::renew_webhook(conn, id).await?;
    Ok((before, after))
}

/// After a restoration: of the calls since the backup nobody knows, so that what they may have made
/// is searched for up to now.
pub async fn expect_lost_calls(conn: &mut Connection) -> QueryResult<()> {
    repo::stamp_lost_calls(conn, clock::now()).await.map(drop)
}

/// How many webhooks are in each state that is not final.
pub async fn count_webhooks(conn: &mut Connection) -> QueryResult<Vec<(String, i64)>> {
    repo::count_inbox(conn).await
}
