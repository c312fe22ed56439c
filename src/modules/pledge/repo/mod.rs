//! The pledges in Postgres.

pub mod admin;
mod cancelled_campaigns;
mod create_many;
mod donations;
mod history;
mod payment_states;
pub mod reconcile;
mod room;

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, QueryResult,
    SelectableHelper, sql_query,
    sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;

use super::{
    model::Pledge,
    schema::pledges::{self, dsl},
};
use crate::{
    kernel::ids::PledgeId,
    platform::postgres::{Connection, cached, column},
};

pub use cancelled_campaigns::{
    CANCELLED_DUE, CancelledCampaign, cancelled_among, insert_cancelled, lock_unpaid,
    move_cancelled, next_cancelled, put_off_cancelled,
};
pub use create_many::{NewPledge, create_many};
pub use donations::{DonationKey, list_donations};
pub use history::{has_given, list_given};
pub use payment_states::{insert_new, newest_of, upsert_newer};
pub use room::{adjust, doubt_rooms, lock, unequal_rooms};

pub async fn find(conn: &mut Connection, id: PledgeId) -> QueryResult<Option<Pledge>> {
    pledges::table.find(id).select(Pledge::as_select()).first(conn).await.optional()
}

/// Reads a pledge and locks it until the end of the transaction.
pub async fn find_locked(conn: &mut Connection, id: PledgeId) -> QueryResult<Option<Pledge>> {
    let query = pledges::table.find(id).select(Pledge::as_select()).for_update();
    query.first(conn).await.optional()
}

/// Locks pledges in ascending order, so that two transactions never wait for each other in a ring.
pub async fn lock_many(conn: &mut Connection, ids: &[PledgeId]) -> QueryResult<Vec<Pledge>> {
    pledges::table
        .filter(dsl::id.eq_any(ids))
        .order(dsl::id)
        .select(Pledge::as_select())
        .for_update()
        .load(conn)
        .await
}

/// Locks those of the pledges that nobody else holds just now; nobody is waited for.
pub async fn lock_free(conn: &mut Connection, ids: &[PledgeId]) -> QueryResult<Vec<Pledge>> {
    pledges::table
        .filter(dsl::id.eq_any(ids))
        .order(dsl::id)
        .select(Pledge::as_select())
        .for_update()
        .skip_locked()
        .load(conn)
        .await
}

/// Locks up to `limit` pledges that were made before `before` and are not paid, oldest first after
/// `after`. Those that another transaction holds are left to the next look.
pub async fn lock_unpaid_before(
    conn: &mut Connection,
    after: (DateTime<Utc>, PledgeId),
    before: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<Pledge>> {
    let beyond =
        dsl::created_at.gt(after.0).or(dsl::created_at.eq(after.0).and(dsl::id.gt(after.1)));
    pledges::table
        .filter(dsl::status.eq_any(["pending", "failed"]))
        .filter(dsl::created_at.lt(before).and(dsl::created_at.ge(after.0)).and(beyond))
        .order((dsl::created_at, dsl::id))
        .limit(limit)
        .select(Pledge::as_select())
        .for_update()
        .skip_locked()
        .load(conn)
        .await
}

/// Inserts many pledges in one statement.
pub async fn insert_many(conn: &mut Connection, rows: &[&Pledge]) -> QueryResult<()> {
    cached(
        sql_query(
            "INSERT INTO pledge.pledges
                 (id, campaign_id, user_id, status, amount_minor, currency, donor_email, donor_hash,
                  donor_name, anonymous, message, metadata, created_at, updated_at)
             SELECT id, campaign_id, user_id, 'pending', amount_minor, currency, donor_email,
                    donor_hash, donor_name, anonymous, message, metadata, created_at, created_at
             FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
                  AS t (id, campaign_id, user_id, amount_minor, currency, donor_email, donor_hash,
                        donor_name, anonymous, message, metadata, created_at)",
        )
        .bind::<Array<SqlUuid>, _>(column(rows, |p| p.id))
        .bind::<Array<SqlUuid>, _>(column(rows, |p| p.campaign_id))
        .bind::<Array<Nullable<SqlUuid>>, _>(column(rows, |p| p.user_id))
        .bind::<Array<BigInt>, _>(column(rows, |p| p.amount_minor))
        .bind::<Array<Text>, _>(column(rows, |p| p.currency))
        .bind::<Array<Text>, _>(column(rows, |p| &p.donor_email))
        .bind::<Array<Text>, _>(column(rows, |p| &p.donor_hash))
        .bind::<Array<Nullable<Text>>, _>(column(rows, |p| p.donor_name.as_deref()))
        .bind::<Array<Bool>, _>(column(rows, |p| p.anonymous))
        .bind::<Array<Nullable<Text>>, _>(column(rows, |p| p.message.as_deref()))
        .bind::<Array<Nullable<Jsonb>>, _>(column(rows, |p| p.metadata.as_ref()))
        .bind::<Array<Timestamptz>, _>(column(rows, |p| p.created_at)),
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Stores what may change of locked pledges.
pub async fn update_many(conn: &mut Connection, rows: &[Pledge]) -> QueryResult<()> {
    cached(
        sql_query(
            "UPDATE pledge.pledges p
             SET status = t.status, refunded_minor = t.refunded_minor, payment_id = t.payment_id,
                 cancelled_at = t.cancelled_at, updated_at = t.updated_at, version = t.version,
                 captured_at = t.captured_at
             FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) AS t (id, status, refunded_minor,
                  payment_id, cancelled_at, updated_at, version, captured_at)
             WHERE p.id = t.id",
        )
        .bind::<Array<SqlUuid>, _>(column(rows, |p| p.id))
        .bind::<Array<Text>, _>(column(rows, |p| p.status.as_str()))
        .bind::<Array<BigInt>, _>(column(rows, |p| p.refunded_minor))
        .bind::<Array<Nullable<SqlUuid>>, _>(column(rows, |p| p.payment_id))
        .bind::<Array<Nullable<Timestamptz>>, _>(column(rows, |p| p.cancelled_at))
        .bind::<Array<Timestamptz>, _>(column(rows, |p| p.updated_at))
        .bind::<Array<BigInt>, _>(column(rows, |p| p.version))
        .bind::<Array<Nullable<Timestamptz>>, _>(column(rows, |p| p.captured_at)),
    )
    .execute(conn)
    .await
    .map(drop)
}
