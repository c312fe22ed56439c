//! Access tokens whose session has ended: verified without the database, and refused all the same.
//!
//! A token lives for minutes, and a session that has ended gets no other. So it is enough that each
//! replica remembers which sessions have ended within that time, whatever ended them: a sign-out, a
//! stolen refresh token, another password, another role, a suspension. A session that is begun
//! afterwards is another one, and an ended one never comes back.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryResult;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::AuthService;
use crate::{
    kernel::clock,
    modules::auth::{error::AuthError, repo, tokens::ACCESS_LIFETIME},
    platform::{lookout::Lookout, postgres::Connection},
};

/// More than what replicas' clocks differ by, and than a commit takes.
const SLACK: TimeDelta = TimeDelta::minutes(1);

/// Sessions whose access tokens are refused although they have not run out, and when they ended.
#[derive(Debug, Clone, Default)]
pub struct EndedSessions(Arc<RwLock<HashMap<Uuid, DateTime<Utc>>>>);

impl EndedSessions {
    pub(in crate::modules::auth) fn contains(&self, session: Uuid) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains_key(&session)
    }

    /// One that was ended here.
    pub(super) fn add(&self, session: Uuid) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(session, clock::now());
    }

    /// Reads at once what has ended, after a commit here that ended a user's sessions. What cannot
    /// be read now is read by the watch, within about a second.
    pub async fn refresh(&self, conn: &mut Connection) {
        if let Err(error) = self.read(conn).await {
            tracing::warn!(%error, "ended sessions could not be read");
        }
    }

    async fn read(&self, conn: &mut Connection) -> QueryResult<()> {
        let since = clock::now() - ACCESS_LIFETIME - SLACK;
        let ended = repo::ended_since(conn, since).await?;
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // added to, not replaced: another may have read later and be here before
        known.extend(ended);
        known.retain(|_, ended_at| *ended_at >= since);
        Ok(())
    }
}

impl AuthService {
    /// Keeps up with sessions that end on other replicas, until told to stop: once a second while
    /// any has ended of which somebody may have a token.
    pub fn watch_ended_sessions(
        self,
        lookout: &mut Lookout,
        stop: CancellationToken,
    ) -> impl Future<Output = ()> + use<> {
        let bell = lookout.bell(repo::any_ended_within(ACCESS_LIFETIME + SLACK));
        async move {
            while stop.run_until_cancelled(bell.notified()).await.is_some() {
                if let Err(error) = self.refresh_ended().await {
                    tracing::warn!(%error, "ended sessions could not be read");
                }
            }
        }
    }

    async fn refresh_ended(&self) -> Result<(), AuthError> {
        let mut conn = self.conn().await?;
        Ok(self.ended.read(&mut conn).await?)
    }
}
