//! What had been raised when a day began.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, QueryDsl, QueryResult};
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};

use crate::{
    modules::admin::{
        schema::opening::{self, dsl},
        service::ByCurrency,
    },
    platform::postgres::Connection,
};

pub async fn day_is_open(conn: &mut Connection, now: DateTime<Utc>) -> QueryResult<bool> {
    let days = opening::table.find(now.date_naive()).count();
    days.get_result::<i64>(conn).await.map(|days| days > 0)
}

/// Notes the figures as those with which today begins, unless that is done; returns those noted
/// first, and when.
pub async fn open_day(
    conn: &mut Connection,
    now: DateTime<Utc>,
    raised: &ByCurrency,
) -> QueryResult<(DateTime<Utc>, ByCurrency)> {
    let day = now.date_naive();
    diesel::insert_into(opening::table)
        .values((dsl::day.eq(day), dsl::taken_at.eq(now), dsl::raised.eq(json!(raised))))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    let (taken_at, raised): (DateTime<Utc>, Value) =
        opening::table.find(day).select((dsl::taken_at, dsl::raised)).first(conn).await?;
    let unreadable = |e| diesel::result::Error::DeserializationError(Box::new(e));
    Ok((taken_at, serde_json::from_value(raised).map_err(unreadable)?))
}
