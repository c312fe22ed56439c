//! Access tokens of suspended users: verified without the database, and refused all the same.
//!
//! A token lives for minutes, and a suspended user gets no other. So it is enough that each
//! replica remembers whom it has seen suspended within that time.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use chrono::TimeDelta;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::AuthService;
use crate::{
    kernel::{clock, ids::UserId},
    modules::auth::{error::AuthError, repo::admin, tokens::ACCESS_LIFETIME},
    platform::lookout::Lookout,
};

/// How often a replica asks who was suspended, while anybody is who has a token: for so long a
/// token may still be believed.
const EVERY: Duration = Duration::from_secs(1);

/// More than what replicas' clocks differ by.
const SLACK: TimeDelta = TimeDelta::minutes(1);

/// Users whose access tokens are refused although they have not run out.
#[derive(Debug, Clone, Default)]
pub struct Suspended(Arc<RwLock<HashSet<UserId>>>);

impl Suspended {
    pub fn contains(&self, id: UserId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }

    fn is_empty(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn replace(&self, ids: HashSet<UserId>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = ids;
    }
}

impl AuthService {
    /// Keeps up with suspensions, those of other replicas too, until told to stop.
    pub fn watch_suspensions(
        self,
        lookout: &mut Lookout,
        stop: CancellationToken,
    ) -> impl Future<Output = ()> + use<> {
        let bell = lookout.bell(admin::any_suspended_within(ACCESS_LIFETIME + SLACK));
        async move {
            loop {
                // somebody who was suspended may be let in again: of that the bell does not tell
                let patience = if self.suspended.is_empty() { Duration::MAX } else { EVERY };
                let rung = timeout(patience, bell.notified());
                if stop.run_until_cancelled(rung).await.is_none() {
                    return;
                }
                if let Err(error) = self.refresh_suspended().await {
                    tracing::warn!(%error, "suspensions could not be read");
                }
            }
        }
    }

    /// Reads at once who is suspended, after a suspension on this replica.
    pub async fn refresh_suspended(&self) -> Result<(), AuthError> {
        let since = clock::now() - ACCESS_LIFETIME - SLACK;
        let ids = admin::suspended_since(&mut *self.conn().await?, since).await?;
        self.suspended.replace(ids.into_iter().collect());
        Ok(())
    }
}
