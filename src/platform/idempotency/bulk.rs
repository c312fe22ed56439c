//! Many keys at once, for requests that are carried out in batches.

use std::collections::{HashMap, HashSet};

use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{Array, Binary, Integer, Jsonb, SmallInt, Text},
};
use diesel_async::RunQueryDsl;
use serde_json::Value;

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
    Ok(entries.iter().map(|(k, _)| fresh.remove(&k.name())).collect())
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

/// A key as one attempt holds it.
pub type Held<'a> = (&'a IdempotencyKey, i32);

#[derive(QueryableByName)]
struct Claimed {
    #[diesel(embed)]
    name: Name,
    #[diesel(sql_type = Integer)]
    attempt: i32,
}

/// Claims those of the keys that are not used yet, each with the recovery point that it will have
/// if this transaction commits. Returns the attempts in the order of the keys; `None`: the key was
/// used before ([`claim`](super::claim) tells what it is worth), or is further ahead in the list.
/// As in [`insert_finished`], two replicas with the same keys wait for each other in no ring.
pub async fn claim_new(
    conn: &mut Connection,
    claims: &[(&IdempotencyKey, Value)],
) -> QueryResult<Vec<Option<i32>>> {
    let mut order: Vec<&(&IdempotencyKey, Value)> = claims.iter().collect();
    // stable, or a repeated key could have the recovery point of another than the first
    order.sort_by_key(|(key, _)| (&key.scope, &key.key));
    let inserted: Vec<Claimed> = cached(
        sql_query(
            "INSERT INTO bus.idempotency_key
                 (scope, key, fingerprint, recovery_point, attempt, lease_until)
             SELECT scope, key, fingerprint, point, nextval('bus.attempt'),
                    now() + interval '30 seconds'
             FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS t (scope, key, fingerprint, point, n)
             ORDER BY n
             ON CONFLICT (scope, key) DO NOTHING
             RETURNING scope, key, attempt",
        )
        .bind::<Array<Text>, _>(order.iter().map(|(k, _)| k.scope.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(order.iter().map(|(k, _)| k.key.as_str()).collect::<Vec<_>>())
        .bind::<Array<Binary>, _>(order.iter().map(|(k, _)| &k.fingerprint[..]).collect::<Vec<_>>())
        .bind::<Array<Jsonb>, _>(order.iter().map(|(_, point)| point).collect::<Vec<_>>()),
    )
    .load(conn)
    .await?;
    let mut attempts: HashMap<(String, String), i32> =
        inserted.into_iter().map(|c| ((c.name.scope, c.name.key), c.attempt)).collect();
    Ok(claims.iter().map(|(key, _)| attempts.remove(&key.name())).collect())
}

/// Gives keys back that this very transaction has claimed, as if they had never been used.
pub async fn free_many(conn: &mut Connection, keys: &[Held<'_>]) -> QueryResult<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let (scopes, names, attempts) = columns(keys);
    cached(
        sql_query(
            "DELETE FROM bus.idempotency_key k USING unnest($1, $2, $3) AS t (scope, key, attempt)
             WHERE k.scope = t.scope AND k.key = t.key AND k.attempt = t.attempt
               AND k.finished_at IS NULL",
        )
        .bind::<Array<Text>, _>(scopes)
        .bind::<Array<Text>, _>(names)
        .bind::<Array<Integer>, _>(attempts),
    )
    .execute(conn)
    .await
    .map(drop)
}

#[derive(QueryableByName)]
struct Place {
    /// From 1.
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

/// Locks those of the keys that are still these attempts', unfinished, and in nobody else's hands
/// just now; tells for each whether it is. Nobody is waited for.
pub async fn lock_held(conn: &mut Connection, keys: &[Held<'_>]) -> QueryResult<Vec<bool>> {
    let (scopes, names, attempts) = columns(keys);
    // LATERAL and LIMIT 1, so that each is looked up by its key: a plan from when the table was
    // small would read all of it
    let locked: Vec<Place> = cached(
        sql_query(
            "SELECT t.n FROM unnest($1, $2, $3) WITH ORDINALITY AS t (scope, key, attempt, n)
             CROSS JOIN LATERAL (
                 SELECT FROM bus.idempotency_key k
                 WHERE k.scope = t.scope AND k.key = t.key AND k.attempt = t.attempt
                   AND k.finished_at IS NULL
                 LIMIT 1 FOR UPDATE SKIP LOCKED) held",
        )
        .bind::<Array<Text>, _>(scopes)
        .bind::<Array<Text>, _>(names)
        .bind::<Array<Integer>, _>(attempts),
    )
    .load(conn)
    .await?;
    let mut held = vec![false; keys.len()];
    for place in locked.iter().filter_map(|place| usize::try_from(place.n - 1).ok()) {
        held[place] = true;
    }
    Ok(held)
}

/// Stores the answers of keys that [`lock_held`] has locked; so their rows are where they are.
pub async fn finish_many(
    conn: &mut Connection,
    entries: &[(Held<'_>, &StoredResponse)],
) -> QueryResult<()> {
    let (scopes, names, attempts) =
        columns(&entries.iter().map(|(held, _)| *held).collect::<Vec<_>>());
    let statuses: Vec<i16> =
        entries.iter().map(|(_, r)| i16::try_from(r.status).unwrap_or(200)).collect();
    let bodies: Vec<&str> = entries.iter().map(|(_, response)| response.body.as_str()).collect();
    cached(
        sql_query(
            "UPDATE bus.idempotency_key k
             SET response_status = t.status, response_body = t.body, finished_at = now(),
                 lease_until = NULL, recovery_point = NULL
             FROM unnest($1, $2, $3, $4, $5) AS t (scope, key, attempt, status, body)
             CROSS JOIN LATERAL (
                 SELECT i.ctid AS place FROM bus.idempotency_key i
                 WHERE i.scope = t.scope AND i.key = t.key AND i.attempt = t.attempt
                   AND i.finished_at IS NULL
                 LIMIT 1) held
             WHERE k.ctid = held.place",
        )
        .bind::<Array<Text>, _>(scopes)
        .bind::<Array<Text>, _>(names)
        .bind::<Array<Integer>, _>(attempts)
        .bind::<Array<SmallInt>, _>(statuses)
        .bind::<Array<Text>, _>(bodies),
    )
    .execute(conn)
    .await
    .map(drop)
}

fn columns<'a>(keys: &[Held<'a>]) -> (Vec<&'a str>, Vec<&'a str>, Vec<i32>) {
    let scopes = keys.iter().map(|(key, _)| key.scope.as_str()).collect();
    let names = keys.iter().map(|(key, _)| key.key.as_str()).collect();
    (scopes, names, keys.iter().map(|(_, attempt)| *attempt).collect())
}
