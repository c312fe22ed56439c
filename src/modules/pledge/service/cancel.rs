//! Cancelling a pledge: at once for the pledge, by event for its payment.

use diesel_async::AsyncConnection;

use super::{
    super::{
        dto::PledgeBody,
        error::PledgeError,
        model::{Pledge, PledgeStatus, follow},
        repo,
    },
    PledgeService, is_donor,
    write::store_changes,
};
use crate::{
    kernel::{clock, ids::PledgeId},
    modules::auth::api::Caller,
    platform::{
        idempotency::{self, IdempotencyKey, Refusal, StoredResponse},
        postgres::Connection,
    },
};

/// The transaction's end: a refused key is no error, but nothing is written for it.
type Cancelled = Result<StoredResponse, Refusal>;

impl PledgeService {
    /// Cancels a pledge that has captured no money. A capture that is faster still completes it.
    pub async fn cancel(
        &self,
        caller: Caller,
        key: &IdempotencyKey,
        id: PledgeId,
    ) -> Result<Cancelled, PledgeError> {
        if let Some(known) = self.replays.get(key).await {
            return Ok(Err(known));
        }
        let mut conn = self.database.conn().await?;
        let cancelled =
            conn.transaction(async |conn| cancel_in(conn, caller, key, id).await).await?;
        if let Ok(response) = &cancelled {
            self.bus.wake();
            self.replays.put(key, response).await;
        }
        Ok(cancelled)
    }
}

async fn cancel_in(
    conn: &mut Connection,
    caller: Caller,
    key: &IdempotencyKey,
    id: PledgeId,
) -> Result<Cancelled, PledgeError> {
    let attempt = match idempotency::claim(conn, key).await?.into_execution() {
        Ok((attempt, _)) => attempt,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let pledge = repo::find_locked(conn, id).await?.ok_or(PledgeError::NotFound)?;
    if !is_donor(conn, caller, &pledge).await? {
        return Err(PledgeError::NotFound);
    }
    let pledge = cancel_locked(conn, pledge).await?;
    let body = serde_json::to_string(&PledgeBody::new(&pledge, true)).unwrap_or_default();
    let response = StoredResponse { status: 200, body };
    if !idempotency::finish(conn, key, attempt, &response).await? {
        return Err(PledgeError::Fenced);
    }
    Ok(Ok(response))
}

/// Cancelling what is cancelled changes nothing.
async fn cancel_locked(conn: &mut Connection, before: Pledge) -> Result<Pledge, PledgeError> {
    let payments = repo::newest_of(conn, &[before.id]).await?;
    let (status, _) = follow(&payments, true);
    if status != PledgeStatus::Cancelled {
        return Err(PledgeError::NotCancellable);
    }
    if before.status == PledgeStatus::Cancelled {
        return Ok(before);
    }
    let now = clock::now();
    let after = Pledge {
        status,
        cancelled_at: Some(now),
        updated_at: now,
        version: before.version + 1,
        ..before.clone()
    };
    store_changes(conn, &[before], std::slice::from_ref(&after)).await?;
    Ok(after)
}
