//! Our refunds beside what the history tells of them.

use diesel::{
    ExpressionMethods, QueryDsl, QueryResult, QueryableByName, SelectableHelper, sql_query,
    sql_types::{Array, BigInt, Uuid},
};
use diesel_async::RunQueryDsl;

use super::{super::schema::refunds, RefundRow};
use crate::{kernel::ids::PaymentId, platform::postgres::Connection};

/// The refunds of these payments, in the order in which they were asked for.
pub async fn refunds_of(conn: &mut Connection, ids: &[PaymentId]) -> QueryResult<Vec<RefundRow>> {
    refunds::table
        .filter(refunds::payment_id.eq_any(ids))
        .order(refunds::id)
        .select(RefundRow::as_select())
        .load(conn)
        .await
}

/// How many refunds of a payment were reserved, and how many of those its provider refused.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct Asked {
    #[diesel(sql_type = Uuid)]
    pub payment_id: PaymentId,
    #[diesel(sql_type = BigInt)]
    pub requested: i64,
    #[diesel(sql_type = BigInt)]
    pub refused: i64,
}

/// What the history, which is written with each reservation and refusal, tells of them; nothing of
/// payments that have neither.
pub async fn refunds_asked(conn: &mut Connection, ids: &[PaymentId]) -> QueryResult<Vec<Asked>> {
    sql_query(
        "SELECT payment_id, count(*) FILTER (WHERE event = 'refund.requested') AS requested, \
                count(*) FILTER (WHERE event = 'refund.refused') AS refused \
           FROM payment.history \
          WHERE payment_id = ANY($1) AND source <> 'webhook' \
            AND event IN ('refund.requested', 'refund.refused') \
          GROUP BY payment_id",
    )
    .bind::<Array<Uuid>, _>(ids)
    .load(conn)
    .await
}
