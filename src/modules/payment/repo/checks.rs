//! When to look at payments whose end has not been heard of.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, QueryDsl, QueryResult, QueryableByName, sql_query,
    sql_types::{Array, BigInt, Integer, Timestamptz, Uuid},
};
use diesel_async::RunQueryDsl;

use super::super::schema::checks::{self, dsl};
use crate::{
    kernel::ids::PaymentId,
    platform::postgres::{Connection, cached},
};

/// A look that is due. The number of looks is that of this one: it fences out the others.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct Check {
    #[diesel(sql_type = Uuid)]
    pub payment_id: PaymentId,
    #[diesel(sql_type = Integer)]
    pub looks: i32,
}

/// Plans the first look at each of these payments.
pub async fn insert_checks(
    conn: &mut Connection,
    looks: &[(PaymentId, DateTime<Utc>)],
) -> QueryResult<()> {
    cached(
        sql_query(
            "INSERT INTO payment.checks (payment_id, next_check_at) SELECT * FROM unnest($1, $2)",
        )
        .bind::<Array<Uuid>, _>(looks.iter().map(|look| look.0).collect::<Vec<_>>())
        .bind::<Array<Timestamptz>, _>(looks.iter().map(|look| look.1).collect::<Vec<_>>()),
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Is any look due?
pub async fn any_check_is_due(conn: &mut Connection) -> QueryResult<bool> {
    let due = checks::table.filter(dsl::next_check_at.le(diesel::dsl::now));
    diesel::select(diesel::dsl::exists(due)).get_result(conn).await
}

/// Drops up to `limit` due checks of payments that are paid or closed; returns how many.
pub async fn drop_checks_that_are_over(conn: &mut Connection, limit: i64) -> QueryResult<usize> {
    // by place, and each payment by its key: joined freely, all checks were read
    sql_query(
        "DELETE FROM payment.checks WHERE ctid = ANY (ARRAY(
             SELECT c.ctid FROM payment.checks c
             CROSS JOIN LATERAL (SELECT p.closed, p.status FROM payment.payments p
                                  WHERE p.id = c.payment_id OFFSET 0) p
             WHERE c.next_check_at <= now()
               AND (p.closed OR p.status IN ('captured', 'refunded'))
             ORDER BY c.next_check_at LIMIT $1 FOR UPDATE OF c SKIP LOCKED))",
    )
    .bind::<BigInt, _>(limit)
    .execute(conn)
    .await
}

/// Takes up to `limit` due checks, and puts them off until `until`: if this process dies, another
/// takes them up again then.
pub async fn claim_due_checks(
    conn: &mut Connection,
    until: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<Check>> {
    sql_query(
        "UPDATE payment.checks c SET next_check_at = $1, looks = looks + 1
         FROM (SELECT payment_id FROM payment.checks WHERE next_check_at <= now()
               ORDER BY next_check_at LIMIT $2 FOR UPDATE SKIP LOCKED) due
         WHERE c.payment_id = due.payment_id
         RETURNING c.payment_id, c.looks",
    )
    .bind::<Timestamptz, _>(until)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await
}

/// Nothing happens where another has taken it over.
pub async fn reschedule_check(
    conn: &mut Connection,
    check: &Check,
    at: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(checks::table.find(check.payment_id))
        .filter(dsl::looks.eq(check.looks))
        .set(dsl::next_check_at.eq(at))
        .execute(conn)
        .await
        .map(drop)
}
