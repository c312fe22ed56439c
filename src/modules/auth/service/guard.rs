//! Every try at a password is counted before it is made, so that many at once are counted too.

use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::AsyncConnection;

use super::AuthService;
use crate::{
    kernel::clock,
    modules::auth::{
        error::AuthError,
        model::guard::{Buckets, Keys},
        repo,
    },
};

impl AuthService {
    /// One more try, if there is one left; the same for accounts that do not exist.
    pub(super) async fn spend_try(&self, keys: &Keys) -> Result<(), AuthError> {
        let spent = self.change_buckets(keys, Buckets::spend).await?;
        spent.map_err(|wait| {
            metrics::counter!("auth_attempts_refused_total").increment(1);
            AuthError::TooManyAttempts(wait)
        })
    }

    /// The try was its owner's.
    pub(super) async fn give_try_back(&self, keys: &Keys) -> Result<(), AuthError> {
        let back = self.change_buckets(keys, |buckets, now| Ok(buckets.give_back(now))).await?;
        back.map_err(AuthError::TooManyAttempts)
    }

    async fn change_buckets(
        &self,
        keys: &Keys,
        change: fn(&Buckets, DateTime<Utc>) -> Result<Buckets, TimeDelta>,
    ) -> Result<Result<(), TimeDelta>, AuthError> {
        let mut conn = self.conn().await?;
        conn.transaction(async |conn| {
            let now = clock::now();
            let buckets = repo::lock_buckets(conn, keys, now).await?;
            match change(&buckets, now) {
                Ok(changed) => Ok(Ok(repo::store_buckets(conn, keys, &changed).await?)),
                Err(wait) => Ok(Err(wait)),
            }
        })
        .await
    }
}
