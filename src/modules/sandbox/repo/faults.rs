use chrono::{DateTime, Utc};
use diesel::{prelude::*, sql_types};
use diesel_async::RunQueryDsl;

use super::super::{model::words, schema::faults};
use crate::platform::postgres::{Connection, cached};

words! {
    /// What is to go wrong.
    FaultKind {
        Fail = "fail",
        LoseAnswer = "lose_answer",
        Delay = "delay",
        Hang = "hang",
        Late = "late",
    }
}

words! {
    /// Where it is to go wrong.
    Operation {
        Create = "create",
        Cancel = "cancel",
        Capture = "capture",
        Refund = "refund",
        Retrieve = "retrieve",
        Find = "find",
        Events = "events",
        Payments = "payments",
    }
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = sql_types::Text)]
    kind: FaultKind,
    #[diesel(sql_type = sql_types::Integer)]
    delay_ms: i32,
}

/// Uses up one turn of the oldest fault planned for this operation.
pub async fn take_fault(
    conn: &mut Connection,
    operation: Operation,
) -> QueryResult<Option<(FaultKind, i32)>> {
    let query = diesel::sql_query(
        "UPDATE sandbox.faults SET times_left = times_left - 1 WHERE id = (
             SELECT id FROM sandbox.faults WHERE operation = $1 AND times_left > 0
             ORDER BY id LIMIT 1 FOR UPDATE
         ) RETURNING kind, delay_ms",
    );
    let taken: Option<Taken> =
        cached(query.bind::<sql_types::Text, _>(operation)).get_result(conn).await.optional()?;
    Ok(taken.map(|t| (t.kind, t.delay_ms)))
}

/// Plans a fault for the next `times` calls, and returns its id.
pub async fn insert_fault(
    conn: &mut Connection,
    operation: Operation,
    kind: FaultKind,
    times: i32,
    delay_ms: i32,
    now: DateTime<Utc>,
) -> QueryResult<i64> {
    diesel::insert_into(faults::table)
        .values((
            faults::operation.eq(operation),
            faults::kind.eq(kind),
            faults::times_left.eq(times),
            faults::delay_ms.eq(delay_ms),
            faults::created_at.eq(now),
        ))
        .returning(faults::id)
        .get_result(conn)
        .await
}
