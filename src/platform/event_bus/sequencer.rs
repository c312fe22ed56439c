//! Calling the sequencer's functions. What they do, and why no event is ever skipped, is told beside
//! them: `migrations/2026-11-20-000100_bus_events/up.sql`.

use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{Array, BigInt, Bool, Integer, SmallInt, Text},
};
use diesel_async::RunQueryDsl;

use crate::platform::postgres::{Connection, cached};

/// What one pass did.
#[derive(Debug, Clone, Default, QueryableByName)]
pub struct Sequenced {
    /// 0 when there was nothing, or another is at it.
    #[diesel(sql_type = BigInt)]
    pub moved: i64,
    /// How many of them lay below the floor, which must never happen.
    #[diesel(sql_type = BigInt)]
    pub strays: i64,
    /// The types of the events that were moved, each once.
    #[diesel(sql_type = Array<Text>)]
    pub types: Vec<String>,
    /// The partitions in which they lie, each once.
    #[diesel(sql_type = Array<SmallInt>)]
    pub partitions: Vec<i16>,
    /// Another is at it, and may have looked before what this pass was to move was there.
    #[diesel(sql_type = Bool)]
    pub skipped: bool,
}

/// What there is to do.
#[derive(Debug, Clone, QueryableByName)]
pub struct Poll {
    #[diesel(sql_type = Bool)]
    pub waiting: bool,
    /// Consumers that have not seen the whole log.
    #[diesel(sql_type = Array<Text>)]
    pub behind: Vec<String>,
    /// Consumers with parked events to retry.
    #[diesel(sql_type = Array<Text>)]
    pub due: Vec<String>,
}

/// Moves at most `batch` events from the outbox to the log; `whole` looks below the floor too.
/// The connection must not be in a transaction.
pub async fn sequence(conn: &mut Connection, batch: i32, whole: bool) -> QueryResult<Sequenced> {
    const SEQUENCE: &str =
        "SELECT moved, strays, types, partitions, skipped FROM bus.sequence($1, $2)";
    let pass = sql_query(SEQUENCE).bind::<Integer, _>(batch).bind::<Bool, _>(whole);
    let pass: Sequenced = cached(pass).get_result(conn).await?;
    metrics::counter!("events_sequenced_total").increment(pass.moved.unsigned_abs());
    if pass.strays > 0 {
        tracing::error!(strays = pass.strays, "events below the sequencer's floor; moved");
        metrics::counter!("outbox_strays_total").increment(pass.strays.unsigned_abs());
    }
    Ok(pass)
}

/// The one query of an idle replica.
pub async fn poll(conn: &mut Connection, consumers: &[&str]) -> QueryResult<Poll> {
    let poll = sql_query("SELECT waiting, behind, due FROM bus.poll($1)")
        .bind::<Array<Text>, _>(consumers);
    cached(poll).get_result(conn).await
}
