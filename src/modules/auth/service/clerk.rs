//! What the module does on its own: answers requests for mail, learns of new signing keys, and
//! forgets what has expired.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use diesel_async::AsyncConnection;
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{AuthService, mailing::post_token};
use crate::{
    kernel::{clock, email::Email, ids::UserId},
    modules::auth::{
        api::GuestGifts,
        error::AuthError,
        keys::{KeyError, SigningKeys},
        model::Purpose,
        repo::{self, MailRequest},
    },
    platform::{
        lookout::Lookout,
        postgres::{Connection, Database, DbError},
    },
};

const RELOAD_EVERY: Duration = Duration::from_secs(5);
const FORGET_EVERY: Duration = Duration::from_hours(1);

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
    requests: Arc<Notify>,
    mail: Arc<Notify>,
    reload_at: Instant,
    forget_at: Instant,
}

impl Clerk {
    pub fn new(auth: &AuthService, guests: Arc<dyn GuestGifts>, lookout: &mut Lookout) -> Self {
        let AuthService { database, keys, requests, mail, .. } = auth.clone();
        lookout.ring(&requests, repo::REQUESTED);
        let now = Instant::now();
        Self { database, keys, guests, requests, mail, reload_at: now, forget_at: now }
    }

    /// Works until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.look_after().await {
                tracing::warn!(%error, "accounts could not be looked after");
            }
            let asked = timeout(RELOAD_EVERY, self.requests.notified());
            match stop.run_until_cancelled(asked).await {
                None => return,
                Some(Err(_)) => {}
                Some(Ok(())) => {
                    if let Err(error) = self.serve_all(&stop).await {
                        tracing::warn!(%error, "a request for mail could not be served");
                    }
                }
            }
        }
    }

    async fn look_after(&mut self) -> Result<(), KeyError> {
        let now = Instant::now();
        if now >= self.reload_at {
            let mut conn = self.database.conn().await?;
            self.keys.reload(&mut conn).await?;
            self.reload_at = now + RELOAD_EVERY;
        }
        if now >= self.forget_at {
            let mut conn = self.database.conn().await?;
            repo::forget(&mut conn, clock::now() - REMEMBERED).await?;
            self.forget_at = now + FORGET_EVERY;
        }
        Ok(())
    }

    async fn serve_all(&self, stop: &CancellationToken) -> Result<(), AuthError> {
        while !stop.is_cancelled() && self.serve_next().await? {
            self.mail.notify_one();
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
