//! `bus.mail`.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, QueryDsl, QueryResult, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::NewMail;
use crate::{kernel::clock, platform::postgres::Connection};

diesel::table! {
    bus.mail (id) {
        id -> Uuid,
        recipient -> Text,
        subject -> Text,
        body -> Text,
        created_at -> Timestamptz,
        useful_until -> Timestamptz,
        attempts -> Int4,
        next_attempt_at -> Timestamptz,
        sent_at -> Nullable<Timestamptz>,
        failed_at -> Nullable<Timestamptz>,
        reason -> Nullable<Text>,
    }
}

/// A mail that this process is to send.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = mail, check_for_backend(diesel::pg::Pg))]
pub struct Mail {
    pub id: Uuid,
    pub recipient: String,
    pub subject: String,
    pub body: String,
    /// With this one; whoever claims it later has a higher number.
    pub attempts: i32,
    pub useful_until: DateTime<Utc>,
}

/// How a mail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending<'a> {
    Sent,
    Failed { reason: &'a str },
}

/// Has the mail sent, if the caller's transaction commits.
pub async fn enqueue(conn: &mut Connection, new: &NewMail<'_>) -> QueryResult<()> {
    let now = clock::now();
    diesel::insert_into(mail::table)
        .values((
            mail::id.eq(clock::new_id()),
            mail::recipient.eq(new.to.as_str()),
            mail::subject.eq(new.subject),
            mail::body.eq(new.body),
            mail::created_at.eq(now),
            mail::useful_until.eq(new.useful_until),
            mail::next_attempt_at.eq(now),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// What the lookout asks: is any mail to be sent?
pub const DUE: &str = "\
    SELECT 1 FROM bus.mail \
    WHERE sent_at IS NULL AND failed_at IS NULL AND next_attempt_at <= now()";

/// Takes up to `limit` due mails and puts them off until `until`: if this process dies, another
/// takes them up again then. Runs in a transaction of its own.
pub async fn claim(
    conn: &mut Connection,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<Mail>> {
    let due: Vec<Uuid> = mail::table
        .filter(mail::sent_at.is_null())
        .filter(mail::failed_at.is_null())
        .filter(mail::next_attempt_at.le(now))
        .order(mail::next_attempt_at)
        .limit(limit)
        .select(mail::id)
        .for_update()
        .skip_locked()
        .load(conn)
        .await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    diesel::update(mail::table.filter(mail::id.eq_any(due)))
        .set((mail::next_attempt_at.eq(until), mail::attempts.eq(mail::attempts + 1)))
        .returning(Mail::as_returning())
        .get_results(conn)
        .await
}

/// Ends the mail and wipes what it said. Nothing happens where another process has taken over.
pub async fn finish(conn: &mut Connection, of: &Mail, ending: Ending<'_>) -> QueryResult<()> {
    let now = clock::now();
    let (sent_at, failed_at, reason) = match ending {
        Ending::Sent => (Some(now), None, None),
        Ending::Failed { reason } => (None, Some(now), Some(reason)),
    };
    diesel::update(mail::table.find(of.id))
        .filter(mail::attempts.eq(of.attempts))
        .set((
            mail::body.eq(""),
            mail::sent_at.eq(sent_at),
            mail::failed_at.eq(failed_at),
            mail::reason.eq(reason),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// Puts the mail off. Nothing happens where another process has taken over.
pub async fn put_off(
    conn: &mut Connection,
    of: &Mail,
    until: DateTime<Utc>,
    reason: &str,
) -> QueryResult<()> {
    diesel::update(mail::table.find(of.id))
        .filter(mail::attempts.eq(of.attempts))
        .set((mail::next_attempt_at.eq(until), mail::reason.eq(reason)))
        .execute(conn)
        .await
        .map(drop)
}

/// Forgets mails that were written before `then` and are final.
pub async fn forget(conn: &mut Connection, then: DateTime<Utc>) -> QueryResult<usize> {
    diesel::delete(mail::table.filter(mail::created_at.lt(then)).filter(mail::body.eq("")))
        .execute(conn)
        .await
}
