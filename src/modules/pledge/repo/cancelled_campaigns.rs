//! Cancelled campaigns, and how far the cancellation of their unpaid pledges has got.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, Queryable, Selectable,
    SelectableHelper,
};
use diesel_async::RunQueryDsl;

use super::super::{
    model::Pledge,
    schema::{
        cancelled_campaigns::{self, dsl},
        pledges,
    },
};
use crate::{
    kernel::ids::{CampaignId, PledgeId},
    platform::postgres::Connection,
};

/// A campaign whose unpaid pledges are being cancelled.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = cancelled_campaigns, check_for_backend(diesel::pg::Pg))]
pub struct CancelledCampaign {
    pub campaign_id: CampaignId,
    /// The last pledge that was looked at.
    pub cursor: Option<PledgeId>,
    /// Failures in a row.
    pub attempts: i32,
    /// Of whoever cancelled the campaign.
    pub trace_context: Option<String>,
}

/// What the lookout asks: does any campaign's turn come?
pub const CANCELLED_DUE: &str = "\
    SELECT 1 FROM pledge.cancelled_campaigns WHERE done_at IS NULL AND next_attempt_at <= now()";

/// Once for a campaign.
pub async fn insert_cancelled(
    conn: &mut Connection,
    campaign: CampaignId,
    trace_context: Option<&str>,
) -> QueryResult<()> {
    diesel::insert_into(cancelled_campaigns::table)
        .values((dsl::campaign_id.eq(campaign), dsl::trace_context.eq(trace_context)))
        .on_conflict_do_nothing()
        .execute(conn)
        .await
        .map(drop)
}

/// Those of the campaigns whose unpaid pledges are cancelled, or about to be.
pub async fn cancelled_among(
    conn: &mut Connection,
    campaigns: &[CampaignId],
) -> QueryResult<Vec<CampaignId>> {
    cancelled_campaigns::table
        .filter(dsl::campaign_id.eq_any(campaigns))
        .select(dsl::campaign_id)
        .load(conn)
        .await
}

/// Locks the campaign whose turn it is; none that another replica works on.
pub async fn next_cancelled(
    conn: &mut Connection,
    now: DateTime<Utc>,
) -> QueryResult<Option<CancelledCampaign>> {
    cancelled_campaigns::table
        .filter(dsl::done_at.is_null())
        .filter(dsl::next_attempt_at.le(now))
        .order(dsl::next_attempt_at)
        .select(CancelledCampaign::as_select())
        .for_update()
        .skip_locked()
        .first(conn)
        .await
        .optional()
}

/// Locks the campaign's next pledges that are not paid, in ascending order.
pub async fn lock_unpaid(
    conn: &mut Connection,
    campaign: &CancelledCampaign,
    limit: i64,
) -> QueryResult<Vec<Pledge>> {
    let after = campaign.cursor.unwrap_or(PledgeId(uuid::Uuid::nil()));
    pledges::table
        .filter(pledges::campaign_id.eq(campaign.campaign_id))
        .filter(pledges::id.gt(after))
        .filter(pledges::status.eq_any(["pending", "failed"]))
        .order(pledges::id)
        .limit(limit)
        .select(Pledge::as_select())
        .for_update()
        .load(conn)
        .await
}

/// Stores how far a locked campaign has got; behind its last pledge, at that time it was done.
pub async fn move_cancelled(
    conn: &mut Connection,
    campaign: CampaignId,
    cursor: Option<PledgeId>,
    done_at: Option<DateTime<Utc>>,
) -> QueryResult<()> {
    diesel::update(cancelled_campaigns::table.find(campaign))
        .set((dsl::cursor.eq(cursor), dsl::done_at.eq(done_at), dsl::attempts.eq(0)))
        .execute(conn)
        .await
        .map(drop)
}

/// Puts a campaign off whose turn has failed.
pub async fn put_off_cancelled(
    conn: &mut Connection,
    campaign: &CancelledCampaign,
    at: DateTime<Utc>,
    error: &str,
) -> QueryResult<()> {
    diesel::update(cancelled_campaigns::table.find(campaign.campaign_id))
        .filter(dsl::done_at.is_null())
        .set((
            dsl::attempts.eq(campaign.attempts + 1),
            dsl::next_attempt_at.eq(at),
            dsl::last_error.eq(error),
        ))
        .execute(conn)
        .await
        .map(drop)
}
