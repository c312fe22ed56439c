//! Many keys at once, for requests that are carried out in batches.

use std::collections::HashSet;

use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{Array, Binary, SmallInt, Text},
};
use diesel_async::RunQueryDsl;

use super::{IdempotencyKey, StoredResponse};
use crate::platform::postgres::{Connection, cached};

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    scope: String,
    #[diesel(sql_type = Text)]
    key: String,
}

/// Claims and finishes many keys at once, for requests whose effect is in this very transaction.
/// Returns for each whether it was new; the others have to be looked up with [`find`]. Keys are
/// inserted in order, so that two replicas with the same keys wait for each other instead of
/// locking each other out. Of equal keys in one batch the first is stored and new.
pub async fn insert_finished(
    conn: &mut Connection,
    entries: &[(&IdempotencyKey, &StoredResponse)],
) -> QueryResult<Vec<bool>> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    // stable, or the row of a repeated key could be stored while the first is told that it is new
    order.sort_by_key(|i| (&entries[*i].0.scope, &entries[*i].0.key));
    let column = |f: fn(&IdempotencyKey) -> &str| -> Vec<&str> {
        order.iter().map(|i| f(entries[*i].0)).collect()
    };
    let fingerprints: Vec<&[u8]> = order.iter().map(|i| &entries[*i].0.fingerprint[..]).collect();
    let statuses: Vec<i16> =
        order.iter().map(|i| i16::try_from(entries[*i].1.status).unwrap_or(200)).collect();
    let bodies: Vec<&str> = order.iter().map(|i| entries[*i].1.body.as_str()).collect();
    let inserted = cached(
        sql_query(
            "INSERT INTO bus.idempotency_key
                 (scope, key, fingerprint, response_status, response_body, finished_at)
             SELECT scope, key, fingerprint, status, body, now()
             FROM unnest($1::text[], $2::text[], $3::bytea[], $4::smallint[], $5::text[])
                  WITH ORDINALITY AS t (scope, key, fingerprint, status, body, n)
             ORDER BY n
             ON CONFLICT (scope, key) DO NOTHING
             RETURNING scope, key",
        )
        .bind::<Array<Text>, _>(column(|k| &k.scope))
        .bind::<Array<Text>, _>(column(|k| &k.key))
        .bind::<Array<Binary>, _>(fingerprints)
        .bind::<Array<SmallInt>, _>(statuses)
        .bind::<Array<Text>, _>(bodies),
    )
    .load::<Name>(conn)
    .await?;
    // the row that was inserted for a repeated key is that of the first
    let mut fresh: HashSet<(String, String)> =
        inserted.into_iter().map(|row| (row.scope, row.key)).collect();
    Ok(entries.iter().map(|(k, _)| fresh.remove(&(k.scope.clone(), k.key.clone()))).collect())
}

/// Those of the keys, as scope and key, that are used: finished, or being executed.
pub async fn find_used(
    conn: &mut Connection,
    keys: &[&IdempotencyKey],
) -> QueryResult<HashSet<(String, String)>> {
    let scopes: Vec<&str> = keys.iter().map(|key| key.scope.as_str()).collect();
    let names: Vec<&str> = keys.iter().map(|key| key.key.as_str()).collect();
    let used = cached(
        sql_query(
            "SELECT used.scope, used.key
             FROM unnest($1::text[], $2::text[]) AS asked (scope, key)
             JOIN bus.idempotency_key AS used USING (scope, key)",
        )
        .bind::<Array<Text>, _>(scopes)
        .bind::<Array<Text>, _>(names),
    )
    .load::<Name>(conn)
    .await?;
    Ok(used.into_iter().map(|row| (row.scope, row.key)).collect())
}
