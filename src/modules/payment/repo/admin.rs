//! Payments and webhooks as administrators list them.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, Queryable,
    Selectable, SelectableHelper,
    dsl::{now, sql},
    sql_types::Bool,
};
use diesel_async::RunQueryDsl;

use super::{
    super::schema::{payments, webhook_inbox},
    PaymentRow,
};
use crate::{
    kernel::{
        ids::{CampaignId, PaymentId},
        page::PageRequest,
        period::Period,
    },
    platform::postgres::Connection,
};

/// Which payments a list holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct PaymentFilter {
    pub status: Option<&'static str>,
    pub campaign_id: Option<CampaignId>,
    pub period: Period,
}

/// One more than a page of payments, newest first.
pub async fn list_payments(
    conn: &mut Connection,
    filter: &PaymentFilter,
    page: &PageRequest<PaymentId>,
) -> QueryResult<Vec<PaymentRow>> {
    use payments::dsl;
    let period = filter.period;
    let mut query = payments::table
        .filter(dsl::id.between(period.lowest_id(), period.highest_id()))
        .select(PaymentRow::as_select())
        .order(dsl::id.desc())
        .limit(page.limit + 1)
        .into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(dsl::status.eq(status));
    }
    if let Some(campaign) = filter.campaign_id {
        query = query.filter(dsl::campaign_id.eq(campaign));
    }
    if let Some(from) = period.from {
        query = query.filter(dsl::created_at.ge(from));
    }
    if let Some(to) = period.to {
        query = query.filter(dsl::created_at.lt(to));
    }
    if let Some(last) = page.after {
        query = query.filter(dsl::id.lt(last));
    }
    query.load(conn).await
}

/// Which webhooks a list holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct WebhookFilter {
    pub status: Option<&'static str>,
    pub period: Period,
}

/// The place of a webhook in the list.
pub type WebhookKey = (DateTime<Utc>, i64);

/// A webhook without its body, which may hold what is nobody's to see.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = webhook_inbox, check_for_backend(diesel::pg::Pg))]
pub struct WebhookRow {
    pub id: i64,
    pub provider: String,
    pub event_id: String,
    pub event_type: String,
    pub provider_payment_id: Option<String>,
    pub payment_id: Option<PaymentId>,
    pub status: String,
    pub reason: Option<String>,
    pub attempts: i32,
    pub next_attempt_at: Option<DateTime<Utc>>,
    pub received_at: DateTime<Utc>,
    pub processed_at: Option<DateTime<Utc>>,
}

/// What the index `webhook_inbox_not_applied` is over.
const RARE: [&str; 4] = ["ignored", "deferred", "quarantined", "dead"];

/// One more than a page of webhooks, newest first.
pub async fn list_webhooks(
    conn: &mut Connection,
    filter: &WebhookFilter,
    page: &PageRequest<WebhookKey>,
) -> QueryResult<Vec<WebhookRow>> {
    use webhook_inbox::dsl;
    let mut query = webhook_inbox::table
        .select(WebhookRow::as_select())
        .order((dsl::received_at.desc(), dsl::id.desc()))
        .limit(page.limit + 1)
        .into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(dsl::status.eq(status));
        if RARE.contains(&status) {
            // spelled out, so that every plan may use the index that is over these only
            query = query
                .filter(sql::<Bool>("status IN ('ignored', 'deferred', 'quarantined', 'dead')"));
        }
    }
    if let Some(from) = filter.period.from {
        query = query.filter(dsl::received_at.ge(from));
    }
    if let Some(to) = filter.period.to {
        query = query.filter(dsl::received_at.lt(to));
    }
    if let Some((at, id)) = page.after {
        // the first condition bounds the index scan
        query = query
            .filter(dsl::received_at.le(at))
            .filter(dsl::received_at.lt(at).or(dsl::id.lt(id)));
    }
    query.load(conn).await
}

pub async fn lock_webhook(conn: &mut Connection, id: i64) -> QueryResult<Option<WebhookRow>> {
    let query = webhook_inbox::table.find(id).select(WebhookRow::as_select()).for_update();
    query.first(conn).await.optional()
}

/// Makes a locked webhook due at once, as if it had just come. Not pending: the worker looks for
/// those above its floor only, and this one is old.
pub async fn renew_webhook(conn: &mut Connection, id: i64) -> QueryResult<WebhookRow> {
    use webhook_inbox::dsl;
    diesel::update(webhook_inbox::table.find(id))
        .set((
            dsl::status.eq("deferred"),
            dsl::reason.eq("replayed"),
            dsl::attempts.eq(0),
            dsl::next_attempt_at.eq(now),
            dsl::processed_at.eq(None::<DateTime<Utc>>),
        ))
        .returning(WebhookRow::as_returning())
        .get_result(conn)
        .await
}
