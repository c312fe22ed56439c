//! The bank's lists, for whoever compares his books with them.

use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;

use super::SandboxBank;
use crate::modules::sandbox::{
    error::SandboxError,
    model::BankPayment,
    repo::{self, Said},
};

impl SandboxBank {
    /// All that was said after the event numbered `after`, or else since then, oldest first, also
    /// what was never sent.
    pub async fn said(
        &self,
        since: DateTime<Utc>,
        after: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Said>, SandboxError> {
        let mut conn = self.database.conn().await?;
        let since = after.is_none().then_some(since);
        let said = conn.transaction(async |conn| -> Result<_, SandboxError> {
            Ok(repo::list_said(conn, since, after.unwrap_or(0), limit).await?)
        });
        said.await
    }

    /// Payments made in `[from, to)`, after the one made then, in the order of their making.
    pub async fn made(
        &self,
        span: (DateTime<Utc>, DateTime<Utc>),
        after: Option<(DateTime<Utc>, &str)>,
        limit: i64,
    ) -> Result<Vec<BankPayment>, SandboxError> {
        let mut conn = self.database.conn().await?;
        let after = after.unwrap_or((span.0, ""));
        Ok(repo::list_made(&mut conn, span, after, limit).await?)
    }

    /// Payments of which a refund or dispute was made or changed in `[from, to)`, after that one.
    pub async fn returned(
        &self,
        span: (DateTime<Utc>, DateTime<Utc>),
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>, SandboxError> {
        let mut conn = self.database.conn().await?;
        Ok(repo::list_returned(&mut conn, span, after, limit).await?)
    }
}
