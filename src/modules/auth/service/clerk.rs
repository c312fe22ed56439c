//! What the module does on its own: answers requests for mail, learns of new signing keys, and
//! forgets what has expired.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::AsyncConnection;
use tokio_util::sync::CancellationToken;

use super::mailing::post_token;
use crate::{
    kernel::{clock, email::Email, ids::UserId},
    modules::auth::{
        api::GuestGifts,
        error::AuthError,
        keys::{KeyError, SigningKeys},
        model::Purpose,
        repo::{self, MailRequest},
    },
    platform::postgres::{Connection, Database, DbError},
};

const IDLE: Duration = Duration::from_millis(500);
const RELOAD_EVERY: TimeDelta = TimeDelta::seconds(5);
const FORGET_EVERY: TimeDelta = TimeDelta::hours(1);

/// Expired tokens are kept so long, for whoever has to find out what happened.
const REMEMBERED: TimeDelta = TimeDelta::days(1);

/// Nobody's mailbox is flooded by somebody else's requests: so much mail of a kind goes to an
/// address in an hour.
const MAILS_AN_HOUR: i64 = 5;

/// Every replica runs one.
pub struct Clerk {
    database: Database,
    keys: SigningKeys,
    guests: Arc<dyn GuestGifts>,
    reloaded_at: DateTime<Utc>,
    forgot_at: DateTime<Utc>,
}

impl Clerk {
    pub fn new(database: Database, keys: SigningKeys, guests: Arc<dyn GuestGifts>) -> Self {
        let never = DateTime::<Utc>::MIN_UTC;
        Self { database, keys, guests, reloaded_at: never, forgot_at: never }
    }

    /// Works until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.look_after().await {
                tracing::warn!(%error, "accounts could not be looked after");
            }
            let served = self.serve_next().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "a request for mail could not be served");
                false
            });
            if !served {
                stop.run_until_cancelled(tokio::time::sleep(IDLE)).await;
            }
        }
    }

    async fn look_after(&mut self) -> Result<(), KeyError> {
        let now = clock::now();
        if now - self.reloaded_at >= RELOAD_EVERY {
            let mut conn = self.database.conn().await?;
            self.keys.reload(&mut conn).await?;
            self.reloaded_at = now;
        }
        if now - self.forgot_at >= FORGET_EVERY {
            let mut conn = self.database.conn().await?;
            repo::forget(&mut conn, now - REMEMBERED).await?;
            self.forgot_at = now;
        }
        Ok(())
    }

    /// `false`: nobody asks.
    async fn serve_next(&self) -> Result<bool, AuthError> {
        let mut conn = self.database.conn().await?;
        conn.transaction(async |conn| {
            let Some(request) = repo::take_request(conn).await? else { return Ok(false) };
            self.serve(conn, &request).await?;
            Ok(true)
        })
        .await
    }

    /// Mails a token, if the address is one that we know.
    async fn serve(&self, conn: &mut Connection, request: &MailRequest) -> Result<(), AuthError> {
        let (email, purpose) = (request.address()?, request.purpose);
        let user = match self.recipient(conn, purpose, &email).await? {
            Recipient::Nobody => {
                count(purpose, "unknown");
                return Ok(());
            }
            Recipient::Guest => None,
            Recipient::User(user) => Some(user),
        };
        let since = clock::now() - TimeDelta::hours(1);
        if repo::count_since(conn, purpose, email.as_str(), since).await? >= MAILS_AN_HOUR {
            count(purpose, "too_many");
            return Ok(());
        }
        post_token(conn, purpose, user, &email).await?;
        count(purpose, "mailed");
        Ok(())
    }

    async fn recipient(
        &self,
        conn: &mut Connection,
        purpose: Purpose,
        email: &Email,
    ) -> Result<Recipient, DbError> {
        if purpose == Purpose::MagicLink {
            let known = self.guests.exist(conn, email).await?;
            return Ok(if known { Recipient::Guest } else { Recipient::Nobody });
        }
        let known = repo::find_credentials(conn, email.as_str()).await?;
        Ok(known.map_or(Recipient::Nobody, |(user, _)| Recipient::User(user.id)))
    }
}

/// Whose a mailed token will be.
enum Recipient {
    Nobody,
    Guest,
    User(UserId),
}

fn count(purpose: Purpose, outcome: &'static str) {
    let purpose = purpose.as_str();
    metrics::counter!("auth_mail_requests_total", "purpose" => purpose, "outcome" => outcome)
        .increment(1);
}
