//! When the books were last compared, and with what result.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, Queryable, Selectable,
    SelectableHelper,
};
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};

use crate::{
    kernel::clock,
    modules::admin::schema::reconciliation::{self, dsl},
    platform::postgres::Connection,
};

/// What a run compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What the bus told of since the last clean run.
    Changes,
    All,
}

impl Kind {
    /// From the end of one run to the beginning of the next.
    const fn every(self) -> TimeDelta {
        match self {
            Self::Changes => TimeDelta::minutes(5),
            Self::All => TimeDelta::hours(24),
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::All => "all",
        }
    }
}

/// Takes a run that is due, so that no other replica takes it too before `lease` is over: by then
/// it is finished, [`extend`]ed, or this process has died. Returns up to where the log has been
/// found clean; `None`: it is not due.
pub async fn claim(
    conn: &mut Connection,
    kind: Kind,
    lease: DateTime<Utc>,
) -> QueryResult<Option<i64>> {
    let due = reconciliation::table.find(kind.as_str()).filter(dsl::next_at.le(clock::now()));
    diesel::update(due)
        .set(dsl::next_at.eq(lease))
        .returning(dsl::checked_seq)
        .get_result(conn)
        .await
        .optional()
}

/// The run goes on: nobody is to begin it anew before `lease`.
pub async fn extend(conn: &mut Connection, kind: Kind, lease: DateTime<Utc>) -> QueryResult<()> {
    diesel::update(reconciliation::table.find(kind.as_str()))
        .set(dsl::next_at.eq(lease))
        .execute(conn)
        .await
        .map(drop)
}

/// Notes what a run has found, by check, and up to where the log is clean. The next one is due
/// after its kind's time.
pub async fn finish(
    conn: &mut Connection,
    kind: Kind,
    checked_seq: Option<i64>,
    drift: &BTreeMap<&'static str, u64>,
) -> QueryResult<()> {
    diesel::update(reconciliation::table.find(kind.as_str()))
        .set((
            dsl::drift.eq(json!(drift)),
            dsl::finished_at.eq(clock::now()),
            dsl::next_at.eq(clock::now() + kind.every()),
            checked_seq.map(|seq| dsl::checked_seq.eq(seq)),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// What is known of one kind of run.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = reconciliation, check_for_backend(diesel::pg::Pg))]
pub struct Standing {
    pub kind: String,
    pub next_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    drift: Value,
}

/// How it stands with each kind of run.
pub async fn standings(conn: &mut Connection) -> QueryResult<Vec<Standing>> {
    reconciliation::table.select(Standing::as_select()).load(conn).await
}

/// What the last runs have found: of each check the larger number.
pub fn drifts(standings: &[Standing]) -> BTreeMap<String, u64> {
    let mut worst = BTreeMap::new();
    let found = standings.iter().filter_map(|standing| standing.drift.as_object());
    for (check, count) in found.flatten() {
        let known: &mut u64 = worst.entry(check.clone()).or_default();
        *known = count.as_u64().unwrap_or(0).max(*known);
    }
    worst
}
