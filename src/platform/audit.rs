//! The audit log: who did what to whom, and why.
//!
//! An act is recorded in its own transaction: there is none without its row, and no row without
//! its act. `bus.audit_log` only grows; a trigger refuses everything else.

use chrono::{DateTime, Utc};
use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    kernel::{clock, ids::UserId, page::PageRequest, period::Period},
    platform::{http::RequestId, postgres::Connection},
};

/// The reason of an act for which none was asked, or given.
const NONE_GIVEN: &str = "none given";

/// What was done to whom.
#[derive(Debug, Clone, Copy)]
pub struct Deed<'a> {
    /// Such as `user.suspend`.
    pub action: &'static str,
    /// Such as `user`.
    pub target_type: &'static str,
    /// Absent when there was no single target.
    pub target_id: Option<&'a str>,
    /// What the act changed, as it was and as it is; neither secret nor e-mail.
    pub before: Option<&'a Value>,
    pub after: Option<&'a Value>,
}

/// Who does it, on which request, and why.
#[derive(Debug, Clone)]
pub struct Author {
    /// Absent: the command line.
    pub actor_id: Option<Uuid>,
    pub reason: String,
    pub request_id: Option<String>,
}

impl Author {
    /// Somebody who is signed in; a blank reason is none.
    pub fn user(id: UserId, request: RequestId, reason: Option<&str>) -> Self {
        let reason = reason.filter(|reason| !reason.trim().is_empty()).unwrap_or(NONE_GIVEN);
        Self { actor_id: Some(id.0), reason: reason.to_owned(), request_id: request.0 }
    }

    /// Whoever may run this command on the server's machine.
    pub fn command_line(command: &str) -> Self {
        Self { actor_id: None, reason: command.to_owned(), request_id: None }
    }
}

/// A row of the log.
#[derive(Debug, Clone, QueryableByName)]
pub struct Record {
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub actor_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    pub action: String,
    #[diesel(sql_type = Text)]
    pub target_type: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub target_id: Option<String>,
    #[diesel(sql_type = Text)]
    pub reason: String,
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub before: Option<Value>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub after: Option<Value>,
    #[diesel(sql_type = Nullable<Text>)]
    pub request_id: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime<Utc>,
}

/// Which rows a list holds.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub actor_id: Option<Uuid>,
    /// Type and id.
    pub target: Option<(&'static str, String)>,
    pub period: Period,
}

/// Records an act, in the caller's transaction, which carries it out.
pub async fn record(conn: &mut Connection, author: &Author, deed: Deed<'_>) -> QueryResult<()> {
    sql_query(
        "INSERT INTO bus.audit_log (id, actor_id, action, target_type, target_id, reason, before, \
                                    after, request_id, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind::<SqlUuid, _>(clock::new_id())
    .bind::<Nullable<SqlUuid>, _>(author.actor_id)
    .bind::<Text, _>(deed.action)
    .bind::<Text, _>(deed.target_type)
    .bind::<Nullable<Text>, _>(deed.target_id)
    .bind::<Text, _>(&author.reason)
    .bind::<Nullable<Jsonb>, _>(deed.before)
    .bind::<Nullable<Jsonb>, _>(deed.after)
    .bind::<Nullable<Text>, _>(author.request_id.as_deref())
    .bind::<Timestamptz, _>(clock::now())
    .execute(conn)
    .await
    .map(drop)
}

/// A page of the log, newest first, and one row more if there is one. Planned anew each time, so
/// that a filter which is absent costs nothing.
pub async fn list(
    conn: &mut Connection,
    filter: &Filter,
    page: &PageRequest<Uuid>,
) -> QueryResult<Vec<Record>> {
    let (kind, target) = filter.target.as_ref().map(|(k, id)| (*k, id.as_str())).unzip();
    sql_query(
        "SELECT id, actor_id, action, target_type, target_id, reason, before, after, request_id, \
                created_at \
           FROM bus.audit_log \
          WHERE id BETWEEN $1 AND $2 AND ($3 IS NULL OR id < $3) \
            AND ($4 IS NULL OR created_at >= $4) AND ($5 IS NULL OR created_at < $5) \
            AND ($6 IS NULL OR actor_id = $6) \
            AND ($7 IS NULL OR (target_type = $7 AND target_id = $8)) \
          ORDER BY id DESC LIMIT $9",
    )
    .bind::<SqlUuid, _>(filter.period.lowest_id())
    .bind::<SqlUuid, _>(filter.period.highest_id())
    .bind::<Nullable<SqlUuid>, _>(page.after)
    .bind::<Nullable<Timestamptz>, _>(filter.period.from)
    .bind::<Nullable<Timestamptz>, _>(filter.period.to)
    .bind::<Nullable<SqlUuid>, _>(filter.actor_id)
    .bind::<Nullable<Text>, _>(kind)
    .bind::<Nullable<Text>, _>(target)
    .bind::<BigInt, _>(page.limit + 1)
    .load(conn)
    .await
}
