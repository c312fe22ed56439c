//! Sending what was enqueued. Replicas share the work by leases.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::AsyncConnection;
use futures_util::future::join_all;
use tokio::{sync::Notify, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    store::{self, Ending, Mail},
    transport::{Sender, Transport, Undelivered},
};
use crate::{
    kernel::{backoff::wait_after, clock},
    platform::{
        lookout::Lookout,
        postgres::{Database, DbError},
    },
};

/// Sent at the same time.
const BATCH: i64 = 4;

/// One attempt takes no longer; while it may, nobody else makes another.
const ATTEMPT: Duration = Duration::from_secs(30);
const LEASE: TimeDelta = TimeDelta::seconds(60);

/// How long it is remembered to whom a mail was sent, and why one was not.
const REMEMBERED: TimeDelta = TimeDelta::days(30);
const FORGET_EVERY: Duration = Duration::from_hours(1);

/// Sends mail. Every replica runs one.
pub struct Mailer {
    database: Database,
    transport: Arc<dyn Transport>,
    sender: Sender,
    bell: Arc<Notify>,
}

/// What is to become of a mail after an attempt.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Sent,
    Again { at: DateTime<Utc>, reason: String },
    Failed { reason: String },
}

impl Mailer {
    /// `bell` is rung by whoever has enqueued, and by the lookout for what is to be sent again, or
    /// was left by another replica.
    pub fn new(
        database: Database,
        transport: Arc<dyn Transport>,
        sender: Sender,
        bell: Arc<Notify>,
        lookout: &mut Lookout,
    ) -> Self {
        lookout.ring(&bell, store::DUE);
        Self { database, transport, sender, bell }
    }

    /// Works until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut forget = tokio::time::interval(FORGET_EVERY);
        loop {
            let outcome = tokio::select! {
                () = stop.cancelled() => return,
                () = self.bell.notified() => self.send_all(&stop).await,
                _ = forget.tick() => self.forget().await,
            };
            if let Err(error) = outcome {
                tracing::warn!(%error, "mail could not be looked after");
            }
        }
    }

    async fn forget(&self) -> Result<(), DbError> {
        let mut conn = self.database.conn().await?;
        store::forget(&mut conn, clock::now() - REMEMBERED).await?;
        Ok(())
    }

    async fn send_all(&self, stop: &CancellationToken) -> Result<(), DbError> {
        while !stop.is_cancelled() && self.turn().await? > 0 {}
        Ok(())
    }

    async fn turn(&self) -> Result<usize, DbError> {
        let now = clock::now();
        let mut conn = self.database.conn().await?;
        let mails = conn
            .transaction(async |conn| store::claim(conn, now, now + LEASE, BATCH).await)
            .await?;
        drop(conn);
        let ends: Vec<_> = join_all(mails.iter().map(|mail| self.attempt(mail))).await;
        for (mail, next) in mails.iter().zip(ends) {
            self.note(mail, next).await?;
        }
        Ok(mails.len())
    }

    async fn attempt(&self, mail: &Mail) -> Next {
        let now = clock::now();
        if mail.useful_until <= now {
            return Next::Failed { reason: "it was of no use any more".to_owned() };
        }
        let outcome = match self.sender.compose(mail) {
            Ok(message) => timeout(ATTEMPT, self.transport.deliver(mail.id, message)).await,
            Err(refused) => Ok(Err(refused)),
        };
        let late = || Err(Undelivered::ForNow("the attempt took too long".to_owned()));
        judge(mail, outcome.unwrap_or_else(|_| late()), clock::now())
    }

    async fn note(&self, mail: &Mail, next: Next) -> Result<(), DbError> {
        let (id, attempt) = (mail.id, mail.attempts);
        let mut conn = self.database.conn().await?;
        let outcome = match next {
            Next::Sent => {
                store::finish(&mut conn, mail, Ending::Sent).await?;
                "sent"
            }
            Next::Again { at, reason } => {
                tracing::warn!(mail = %id, attempt, reason, "mail not sent yet");
                store::put_off(&mut conn, mail, at, &reason).await?;
                "put_off"
            }
            Next::Failed { reason } => {
                tracing::error!(mail = %id, attempt, reason, "mail given up");
                store::finish(&mut conn, mail, Ending::Failed { reason: &reason }).await?;
                "failed"
            }
        };
        metrics::counter!("mail_attempts_total", "outcome" => outcome).increment(1);
        Ok(())
    }
}

/// An attempt that would come too late is not made.
fn judge(mail: &Mail, outcome: Result<(), Undelivered>, now: DateTime<Utc>) -> Next {
    match outcome {
        Ok(()) => Next::Sent,
        Err(Undelivered::ForGood(reason)) => Next::Failed { reason },
        Err(Undelivered::ForNow(reason)) => {
            let at = now + wait_after(mail.attempts);
            if at < mail.useful_until {
                return Next::Again { at, reason };
            }
            Next::Failed { reason: format!("it could not be sent in time; last: {reason}") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(attempts: i32, useful: TimeDelta, now: DateTime<Utc>) -> Mail {
        Mail {
            id: clock::new_id(),
            recipient: "ada@example.org".to_owned(),
            subject: String::new(),
            body: String::new(),
            attempts,
            useful_until: now + useful,
        }
    }

    #[test]
    fn what_fails_for_now_is_tried_ever_more_slowly_while_it_is_of_use() {
        let now = clock::now();
        let away = || Err(Undelivered::ForNow("away".to_owned()));
        for (attempts, seconds) in [(1, 1), (2, 2), (5, 16), (10, 512), (11, 900), (99, 900)] {
            let next = judge(&mail(attempts, TimeDelta::days(1), now), away(), now);
            let at = now + TimeDelta::seconds(seconds);
            assert_eq!(next, Next::Again { at, reason: "away".to_owned() }, "{attempts}");
        }
        let late = judge(&mail(5, TimeDelta::seconds(16), now), away(), now);
        let reason = "it could not be sent in time; last: away".to_owned();
        assert_eq!(late, Next::Failed { reason });
    }

    #[test]
    fn what_fails_for_good_is_not_tried_again() {
        let now = clock::now();
        let refused = Err(Undelivered::ForGood("nobody here".to_owned()));
        let next = judge(&mail(1, TimeDelta::days(1), now), refused, now);
        assert_eq!(next, Next::Failed { reason: "nobody here".to_owned() });
    }

    #[test]
    fn an_attempt_ends_before_its_lease() {
        assert!(ATTEMPT.as_secs() * 2 <= LEASE.num_seconds().unsigned_abs());
    }
}
