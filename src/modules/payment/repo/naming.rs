//! What the provider calls payments.

use std::collections::HashMap;

use diesel::{
    BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods, QueryDsl, QueryResult,
    sql_query,
    sql_types::{Array, Nullable, Text, Uuid},
};
use diesel_async::RunQueryDsl;

use super::super::schema::payments::{self, dsl};
use crate::{
    kernel::ids::PaymentId,
    platform::postgres::{Connection, cached, column},
};

/// What the provider has said of a payment that it has made.
#[derive(Debug)]
pub struct Named<'a> {
    pub id: PaymentId,
    pub provider_payment_id: &'a str,
    pub client_secret: Option<&'a str>,
    pub checkout_url: Option<&'a str>,
}

/// Stores what the provider called the payment, once. `false`: it has another name, which stays.
pub async fn set_provider_ids(conn: &mut Connection, named: &Named<'_>) -> QueryResult<bool> {
    let name = dsl::provider_payment_id;
    let nameless = name.is_null().or(name.eq(named.provider_payment_id).assume_not_null());
    diesel::update(payments::table.find(named.id).filter(nameless))
        .set((
            dsl::provider_payment_id.eq(named.provider_payment_id),
            dsl::client_secret.eq(named.client_secret),
            dsl::checkout_url.eq(named.checkout_url),
            dsl::answered_at.eq(diesel::dsl::now),
        ))
        .execute(conn)
        .await
        .map(|updated| updated == 1)
}

/// Locks those of the payments that are open and in nobody else's hands just now, and returns how
/// the provider calls them so far. Nobody is waited for.
pub async fn lock_open(
    conn: &mut Connection,
    ids: &[PaymentId],
) -> QueryResult<HashMap<PaymentId, Option<String>>> {
    let open: Vec<(PaymentId, Option<String>)> = payments::table
        .filter(dsl::id.eq_any(ids))
        .filter(dsl::closed.eq(false))
        .order(dsl::id)
        .select((dsl::id, dsl::provider_payment_id))
        .for_update()
        .skip_locked()
        .load(conn)
        .await?;
    Ok(open.into_iter().collect())
}

/// Stores how the provider calls payments that [`lock_open`] has locked.
pub async fn name_many(conn: &mut Connection, named: &[Named<'_>]) -> QueryResult<()> {
    cached(
        sql_query(
            "UPDATE payment.payments p
             SET provider_payment_id = t.name, client_secret = t.secret, checkout_url = t.url,
                 answered_at = now()
             FROM unnest($1, $2, $3, $4) AS t (id, name, secret, url)
             WHERE p.id = t.id",
        )
        .bind::<Array<Uuid>, _>(column(named, |n| n.id))
        .bind::<Array<Text>, _>(column(named, |n| n.provider_payment_id))
        .bind::<Array<Nullable<Text>>, _>(column(named, |n| n.client_secret))
        .bind::<Array<Nullable<Text>>, _>(column(named, |n| n.checkout_url)),
    )
    .execute(conn)
    .await
    .map(drop)
}
