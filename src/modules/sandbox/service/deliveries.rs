//! What the bank has said, and saying it once more.

use super::{SandboxBank, payment_id};
use crate::{
    kernel::clock,
    modules::sandbox::{
        error::SandboxError,
        repo::{self, Delivery},
    },
};

impl SandboxBank {
    /// The events of a payment, oldest first, after the one at `after`.
    pub async fn events(
        &self,
        id: &str,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Delivery>, SandboxError> {
        let id = payment_id(id)?;
        let mut conn = self.database.conn().await?;
        repo::load_payment(&mut conn, id).await?.ok_or(SandboxError::NoPayment)?;
        Ok(repo::list_deliveries(&mut conn, id, after, limit).await?)
    }

    /// Sends what was said about a payment once more, each event `copies` times at once; returns
    /// how many events that is.
    pub async fn redeliver(&self, id: &str, copies: i32) -> Result<usize, SandboxError> {
        let id = payment_id(id)?;
        let mut conn = self.database.conn().await?;
        repo::load_payment(&mut conn, id).await?.ok_or(SandboxError::NoPayment)?;
        let events = repo::send_again(&mut conn, id, copies, clock::now()).await?;
        drop(conn);
        self.wake();
        Ok(events)
    }
}
