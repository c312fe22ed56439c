//! Payments beside what the ledger and the history say of them.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, QueryableByName, sql_query,
    sql_types::{Array, BigInt, Bool, Nullable, Text, Uuid},
};
use diesel_async::RunQueryDsl;

use super::super::{model::Amounts, schema::payments::dsl};
use crate::{
    kernel::{
        ids::{CampaignId, PaymentId, PledgeId},
        money::Currency,
    },
    modules::payment::events::PaymentChanged,
    platform::postgres::Connection,
};

/// A payment, the sums of its ledger, and the amounts of its last history row.
#[derive(Debug, QueryableByName)]
pub struct Standing {
    #[diesel(embed)]
    pub payment: Told,
    #[diesel(embed)]
    pub ledger: Ledger,
    #[diesel(embed)]
    pub history: History,
}

/// A payment as its events tell of it.
#[derive(Debug, QueryableByName)]
pub struct Told {
    #[diesel(sql_type = Uuid)]
    id: PaymentId,
    #[diesel(sql_type = Uuid)]
    pledge_id: PledgeId,
    #[diesel(sql_type = Uuid)]
    campaign_id: CampaignId,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Text)]
    currency: Currency,
    #[diesel(sql_type = BigInt)]
    captured_minor: i64,
    #[diesel(sql_type = BigInt)]
    refunded_minor: i64,
    #[diesel(sql_type = BigInt)]
    disputed_minor: i64,
    #[diesel(sql_type = Text)]
    donor_hash: String,
    #[diesel(sql_type = BigInt)]
    pub amount_minor: i64,
    #[diesel(sql_type = Bool)]
    pub amount_mismatch: bool,
}

#[derive(Debug, QueryableByName)]
#[allow(clippy::struct_field_names, reason = "columns of one row need names of their own")]
pub struct Ledger {
    #[diesel(sql_type = BigInt)]
    ledger_captured: i64,
    #[diesel(sql_type = BigInt)]
    ledger_refunded: i64,
    #[diesel(sql_type = BigInt)]
    ledger_disputed: i64,
    /// Is all of it in the payment's currency, and of versions that the payment has had?
    #[diesel(sql_type = Bool)]
    pub ledger_fits: bool,
}

#[derive(Debug, QueryableByName)]
#[allow(clippy::struct_field_names, reason = "columns of one row need names of their own")]
pub struct History {
    #[diesel(sql_type = Nullable<BigInt>)]
    history_captured: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    history_refunded: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    history_disputed: Option<i64>,
}

const fn amounts(captured_minor: i64, refunded_minor: i64, disputed_minor: i64) -> Amounts {
    Amounts { captured_minor, refunded_minor, disputed_minor }
}

impl Ledger {
    pub const fn amounts(&self) -> Amounts {
        amounts(self.ledger_captured, self.ledger_refunded, self.ledger_disputed)
    }
}

impl History {
    /// `None`: the payment has no history.
    pub fn amounts(&self) -> Option<Amounts> {
        Some(amounts(self.history_captured?, self.history_refunded?, self.history_disputed?))
    }
}

impl From<Told> for PaymentChanged {
    fn from(row: Told) -> Self {
        Self {
            payment_id: row.id,
            pledge_id: row.pledge_id,
            campaign_id: row.campaign_id,
            version: row.version,
            status: row.status,
            currency: row.currency,
            captured_minor: row.captured_minor,
            refunded_minor: row.refunded_minor,
            disputed_minor: row.disputed_minor,
            donor_hash: row.donor_hash,
        }
    }
}

/// Those of these payments that exist, each with its books.
pub async fn standing(conn: &mut Connection, ids: &[PaymentId]) -> QueryResult<Vec<Standing>> {
    sql_query(
        "SELECT p.id, p.pledge_id, p.campaign_id, p.version, p.status, p.currency, \
                p.captured_minor, p.refunded_minor, p.disputed_minor, p.donor_hash, \
                p.amount_minor, p.amount_mismatch, l.*, h.* \
           FROM payment.payments p \
          CROSS JOIN LATERAL ( \
                SELECT coalesce(sum(delta_minor) FILTER (WHERE kind = 'captured'), 0)::bigint \
                           AS ledger_captured, \
                       coalesce(sum(delta_minor) FILTER (WHERE kind = 'refunded'), 0)::bigint \
                           AS ledger_refunded, \
                       coalesce(sum(delta_minor) FILTER (WHERE kind = 'disputed'), 0)::bigint \
                           AS ledger_disputed, \
                       coalesce(bool_and(currency = p.currency AND version <= p.version), true) \
                           AS ledger_fits \
                  FROM payment.ledger WHERE payment_id = p.id) l \
           LEFT JOIN LATERAL ( \
                SELECT captured_minor AS history_captured, refunded_minor AS history_refunded, \
                       disputed_minor AS history_disputed \
                  FROM payment.history WHERE payment_id = p.id ORDER BY id DESC LIMIT 1) h ON true \
          WHERE p.id = ANY($1) ORDER BY p.id",
    )
    .bind::<Array<Uuid>, _>(ids)
    .load(conn)
    .await
}

/// The next payments by id.
pub async fn ids_after(
    conn: &mut Connection,
    after: Option<PaymentId>,
    limit: i64,
) -> QueryResult<Vec<PaymentId>> {
    let after = after.unwrap_or(PaymentId(uuid::Uuid::nil()));
    dsl::payments
        .filter(dsl::id.gt(after))
        .order(dsl::id)
        .limit(limit)
        .select(dsl::id)
        .load(conn)
        .await
}

/// Those of these payments that exist.
pub async fn existing(conn: &mut Connection, ids: &[PaymentId]) -> QueryResult<Vec<PaymentId>> {
    dsl::payments.filter(dsl::id.eq_any(ids)).select(dsl::id).load(conn).await
}

/// The next payments of a campaign that captured anything, by id.
pub async fn paid_of(
    conn: &mut Connection,
    campaign: CampaignId,
    after: Option<PaymentId>,
    limit: i64,
) -> QueryResult<Vec<PaymentChanged>> {
    let rows: Vec<Told> = sql_query(
        "SELECT id, pledge_id, campaign_id, version, status, currency, captured_minor, \
                refunded_minor, disputed_minor, donor_hash, amount_minor, amount_mismatch \
           FROM payment.payments \
          WHERE campaign_id = $1 AND id > $2 AND captured_minor > 0 ORDER BY id LIMIT $3",
    )
    .bind::<Uuid, _>(campaign)
    .bind::<Uuid, _>(after.map_or(uuid::Uuid::nil(), Into::into))
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(PaymentChanged::from).collect())
}

#[derive(QueryableByName)]
struct Detail {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// The last of the next `limit` payments; `None`: there are no more than that.
pub async fn end_of_stretch(
    conn: &mut Connection,
    after: Option<PaymentId>,
    limit: i64,
) -> QueryResult<Option<PaymentId>> {
    dsl::payments
        .filter(dsl::id.gt(after.unwrap_or(PaymentId(uuid::Uuid::nil()))))
        .order(dsl::id)
        .offset(limit - 1)
        .select(dsl::id)
        .first(conn)
        .await
        .optional()
}

/// Currencies in which the ledger of a stretch of payments, from behind `after` to `upto`, is not
/// the sum of these payments.
pub async fn unequal_sums(
    conn: &mut Connection,
    after: Option<PaymentId>,
    upto: Option<PaymentId>,
) -> QueryResult<Vec<String>> {
    let found: Vec<Detail> = sql_query(
        "WITH p AS ( \
             SELECT currency, sum(captured_minor) AS captured, sum(refunded_minor) AS refunded, \
                    sum(disputed_minor) AS disputed FROM payment.payments \
              WHERE id > $1 AND id <= $2 GROUP BY currency \
         ), l AS ( \
             SELECT currency, \
                    coalesce(sum(delta_minor) FILTER (WHERE kind = 'captured'), 0) AS captured, \
                    coalesce(sum(delta_minor) FILTER (WHERE kind = 'refunded'), 0) AS refunded, \
                    coalesce(sum(delta_minor) FILTER (WHERE kind = 'disputed'), 0) AS disputed \
               FROM payment.ledger WHERE payment_id > $1 AND payment_id <= $2 GROUP BY currency \
         ) \
         SELECT format('in %s the payments from %s to %s are %s/%s/%s, the ledger says %s/%s/%s', \
                       currency, $1, $2, \
                       coalesce(p.captured, 0), coalesce(p.refunded, 0), coalesce(p.disputed, 0), \
                       coalesce(l.captured, 0), coalesce(l.refunded, 0), coalesce(l.disputed, 0)) \
                AS detail \
           FROM p FULL JOIN l USING (currency) \
          WHERE (coalesce(p.captured, 0), coalesce(p.refunded, 0), coalesce(p.disputed, 0)) \
             <> (coalesce(l.captured, 0), coalesce(l.refunded, 0), coalesce(l.disputed, 0))",
    )
    .bind::<Uuid, _>(after.map_or(uuid::Uuid::nil(), Into::into))
    .bind::<Uuid, _>(upto.map_or(uuid::Uuid::max(), Into::into))
    .load(conn)
    .await?;
    Ok(found.into_iter().map(|row| row.detail).collect())
}

/// Webhooks that nobody works on although they are due, and such as wait for a person without a
/// reason.
pub async fn neglected_webhooks(conn: &mut Connection) -> QueryResult<Vec<String>> {
    let found: Vec<Detail> = sql_query(
        "SELECT format('%s webhooks are %s and overdue, the first is %s', count(*), status, \
                       min(id)) AS detail \
           FROM payment.webhook_inbox \
          WHERE (status = 'pending' AND received_at < now() - interval '5 minutes') \
             OR (status = 'deferred' AND next_attempt_at < now() - interval '10 minutes') \
          GROUP BY status \
          UNION ALL \
         SELECT format('%s webhooks are %s without a reason, the first is %s', count(*), status, \
                       min(id)) \
           FROM payment.webhook_inbox \
          WHERE status IN ('deferred', 'quarantined', 'dead') AND coalesce(reason, '') = '' \
          GROUP BY status",
    )
    .load(conn)
    .await?;
    Ok(found.into_iter().map(|row| row.detail).collect())
}
