//! The buckets of sign-ins.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, Binary, Timestamptz},
};
use diesel_async::RunQueryDsl;

use crate::{
    modules::auth::{
        model::guard::{Buckets, Keys, TRUST},
        schema::sign_in_limits,
    },
    platform::postgres::{Connection, cached},
};

/// Key, `spent_until`, `trusted_at`.
type Bucket = (Vec<u8>, DateTime<Utc>, Option<DateTime<Utc>>);

/// The buckets, held until the transaction ends. Those that are not there are made, full. In
/// ascending order, so that two transactions never wait for each other in a ring.
pub async fn lock_buckets(
    conn: &mut Connection,
    keys: &Keys,
    now: DateTime<Utc>,
) -> QueryResult<Buckets> {
    let Keys(keys) = keys;
    cached(
        sql_query(
            "INSERT INTO auth.sign_in_limits (key, spent_until)
             SELECT key, $2 FROM unnest($1) AS t (key) ORDER BY key
             ON CONFLICT (key) DO NOTHING",
        )
        .bind::<Array<Binary>, _>(&keys[..])
        .bind::<Timestamptz, _>(now),
    )
    .execute(conn)
    .await?;
    let rows: Vec<Bucket> = sign_in_limits::table
        .filter(sign_in_limits::key.eq_any(&keys[..]))
        .order(sign_in_limits::key)
        .for_update()
        .load(conn)
        .await?;
    let row = |key: &Vec<u8>| rows.iter().find(|(found, ..)| found == key);
    let spent = |key| row(key).map_or(now, |(_, spent_until, _)| *spent_until);
    let [both, account, address] = keys;
    Ok(Buckets {
        spent_until: [spent(both), spent(account), spent(address)],
        trusted_at: row(both).and_then(|(.., trusted_at)| *trusted_at),
    })
}

/// Stores buckets that are locked.
pub async fn store_buckets(
    conn: &mut Connection,
    keys: &Keys,
    buckets: &Buckets,
) -> QueryResult<()> {
    let Keys(keys) = keys;
    cached(
        sql_query(
            "UPDATE auth.sign_in_limits l
             SET spent_until = t.spent_until,
                 trusted_at = CASE WHEN l.key = $3 THEN $4 ELSE l.trusted_at END
             FROM unnest($1, $2) AS t (key, spent_until) WHERE l.key = t.key",
        )
        .bind::<Array<Binary>, _>(&keys[..])
        .bind::<Array<Timestamptz>, _>(&buckets.spent_until[..])
        .bind::<Binary, _>(&keys[0])
        .bind::<diesel::sql_types::Nullable<Timestamptz>, _>(buckets.trusted_at),
    )
    .execute(conn)
    .await
    .map(drop)
}

pub async fn forget(conn: &mut Connection, then: DateTime<Utc>) -> QueryResult<usize> {
    let full = sign_in_limits::table.filter(sign_in_limits::spent_until.lt(then)).filter(
        sign_in_limits::trusted_at.is_null().or(sign_in_limits::trusted_at.lt(then - TRUST)),
    );
    diesel::delete(full).execute(conn).await
}
