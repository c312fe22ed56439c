//! What a stored webhook's body names: the event and its payment.

use diesel::{
    QueryResult, sql_query,
    sql_types::{BigInt, Nullable, Text, Uuid},
};
use diesel_async::RunQueryDsl;

use super::super::api::WebhookEvent;
use crate::platform::postgres::{Connection, cached};

/// Gives a webhook that the caller has locked the names in its body, which could not be read when
/// it was stored. `false`: the event is in the inbox already, in another row. Should it be stored at
/// this very moment, the statement fails for the unique key, and sees it when it is tried again.
pub async fn name_inbox(conn: &mut Connection, id: i64, event: &WebhookEvent) -> QueryResult<bool> {
    let named = cached(
        sql_query(
            "UPDATE payment.webhook_inbox i
             SET event_id = $2, event_type = $3, provider_payment_id = $4, payment_id = $5
             WHERE i.id = $1
               AND NOT EXISTS (
                   SELECT FROM payment.webhook_inbox other
                   WHERE other.provider = i.provider AND other.event_id = $2 AND other.id <> i.id)",
        )
        .bind::<BigInt, _>(id)
        .bind::<Text, _>(&event.event_id)
        .bind::<Text, _>(&event.event_type)
        .bind::<Nullable<Text>, _>(event.provider_payment_id.as_deref())
        .bind::<Nullable<Uuid>, _>(event.payment_id),
    )
    .execute(conn)
    .await?;
    Ok(named == 1)
}
