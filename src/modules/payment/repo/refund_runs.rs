//! Acts that give back all gifts of one campaign, and how far they have got.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, QueryResult, Queryable,
    QueryableByName, Selectable, SelectableHelper, sql_query,
    sql_types::{BigInt, Uuid},
};
use diesel_async::RunQueryDsl;

use super::{
    super::schema::{
        payments,
        refund_runs::{self, dsl},
    },
    PaymentRow,
};
use crate::{
    kernel::ids::{CampaignId, PaymentId, RefundRunId, UserId},
    platform::postgres::Connection,
};

/// A run as it is stored.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = refund_runs, check_for_backend(diesel::pg::Pg))]
pub struct RefundRunRow {
    pub id: RefundRunId,
    pub campaign_id: CampaignId,
    pub requested_by: UserId,
    pub reason: String,
    /// The last payment that was looked at.
    pub cursor: Option<PaymentId>,
    /// Payments that held money and could not be refunded.
    pub skipped: i64,
    pub last_error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// When the last payment had been looked at.
    pub done_at: Option<DateTime<Utc>>,
}

/// Begins a run, unless the campaign has one that is not done; returns the one it has then, and
/// whether it is new.
pub async fn open_run(
    conn: &mut Connection,
    row: &RefundRunRow,
) -> QueryResult<(RefundRunRow, bool)> {
    let opened = diesel::insert_into(refund_runs::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    if opened == 1 {
        return Ok((row.clone(), true));
    }
    let open = refund_runs::table
        .filter(dsl::campaign_id.eq(row.campaign_id))
        .filter(dsl::done_at.is_null())
        .select(RefundRunRow::as_select());
    Ok((open.for_update().first(conn).await?, false))
}

/// The campaign's newest run.
pub async fn last_run(
    conn: &mut Connection,
    campaign: CampaignId,
) -> QueryResult<Option<RefundRunRow>> {
    refund_runs::table
        .filter(dsl::campaign_id.eq(campaign))
        .order(dsl::id.desc())
        .select(RefundRunRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Locks the run whose turn it is; none that another replica works on.
pub async fn next_run(conn: &mut Connection) -> QueryResult<Option<RefundRunRow>> {
    refund_runs::table
        .filter(dsl::done_at.is_null())
        .order(dsl::updated_at)
        .select(RefundRunRow::as_select())
        .for_update()
        .skip_locked()
        .first(conn)
        .await
        .optional()
}

/// Stores how far a locked run has got.
pub async fn move_run(conn: &mut Connection, run: &RefundRunRow) -> QueryResult<()> {
    diesel::update(refund_runs::table.find(run.id))
        .set((
            dsl::cursor.eq(run.cursor),
            dsl::skipped.eq(run.skipped),
            dsl::last_error.eq(&run.last_error),
            dsl::updated_at.eq(run.updated_at),
            dsl::done_at.eq(run.done_at),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// Locks the campaign's next payments that hold money, in ascending order.
pub async fn lock_held(
    conn: &mut Connection,
    campaign: CampaignId,
    after: Option<PaymentId>,
    limit: i64,
) -> QueryResult<Vec<PaymentRow>> {
    use payments::dsl;
    let after = after.unwrap_or(PaymentId(uuid::Uuid::nil()));
    payments::table
        .filter(dsl::campaign_id.eq(campaign))
        .filter(dsl::id.gt(after))
        .filter(dsl::captured_minor.gt(dsl::refunded_minor + dsl::disputed_minor))
        .order(dsl::id)
        .limit(limit)
        .select(PaymentRow::as_select())
        .for_update()
        .load(conn)
        .await
}

/// What has become of the refunds of all of a campaign's runs, and what its payments still hold.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct Progress {
    #[diesel(sql_type = BigInt)]
    pub requested: i64,
    #[diesel(sql_type = BigInt)]
    pub done: i64,
    #[diesel(sql_type = BigInt)]
    pub failed: i64,
    /// Payments with money that is neither disputed nor on its way back.
    #[diesel(sql_type = BigInt)]
    pub left: i64,
    #[diesel(sql_type = BigInt)]
    pub left_minor: i64,
}

/// Reads all payments of the campaign: for a person who waits, not for a request in a hurry.
pub async fn progress_of_runs(
    conn: &mut Connection,
    campaign: CampaignId,
) -> QueryResult<Progress> {
    sql_query(
        "SELECT r.requested, r.done, r.failed, h.payments AS left, h.minor AS left_minor
         FROM (SELECT count(*) AS requested,
                      count(*) FILTER (WHERE status = 'succeeded') AS done,
                      count(*) FILTER (WHERE status = 'failed') AS failed
               FROM payment.refunds
               WHERE run_id IN (SELECT id FROM payment.refund_runs WHERE campaign_id = $1)) r,
              (SELECT count(*) AS payments, coalesce(sum(minor), 0)::bigint AS minor
               FROM (SELECT captured_minor - refunded_minor - disputed_minor - (
                                SELECT coalesce(sum(amount_minor), 0) FROM payment.refunds
                                WHERE payment_id = p.id AND status IN ('requested', 'pending')
                            ) AS minor
                     FROM payment.payments p
                     WHERE campaign_id = $1
                       AND captured_minor > refunded_minor + disputed_minor) p
               WHERE minor > 0) h",
    )
    .bind::<Uuid, _>(campaign)
    .get_result(conn)
    .await
}
