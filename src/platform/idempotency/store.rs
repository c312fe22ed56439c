//! The keys in Postgres. Leases are measured by the database's clock, which all replicas share.

use diesel::{
    OptionalExtension, QueryResult, QueryableByName, sql_query,
    sql_types::{Binary, Bool, Integer, Jsonb, Nullable, SmallInt, Text},
};
use diesel_async::RunQueryDsl;
use serde_json::Value;

use super::{Claim, IdempotencyKey, StoredResponse};
use crate::platform::postgres::{Connection, cached};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Binary)]
    fingerprint: Vec<u8>,
    #[diesel(sql_type = Nullable<Bool>)]
    leased: Option<bool>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    recovery_point: Option<Value>,
    #[diesel(sql_type = Nullable<SmallInt>)]
    response_status: Option<i16>,
    #[diesel(sql_type = Nullable<Text>)]
    response_body: Option<String>,
}

#[derive(QueryableByName)]
struct Attempt {
    #[diesel(sql_type = Integer)]
    attempt: i32,
}

impl Row {
    /// `None`: the lease has expired, the key can be taken over.
    fn judge(self, fingerprint: &[u8]) -> Option<Claim> {
        if self.fingerprint != fingerprint {
            return Some(Claim::Reused);
        }
        match (self.response_status, self.response_body) {
            (Some(status), Some(body)) => {
                let status = u16::try_from(status).unwrap_or(200);
                Some(Claim::Replay(StoredResponse { status, body }))
            }
            _ => (self.leased == Some(true)).then_some(Claim::InProgress),
        }
    }
}

/// Claims a key for execution, in the transaction of the effect.
pub async fn claim(conn: &mut Connection, key: &IdempotencyKey) -> QueryResult<Claim> {
    loop {
        let inserted = cached(
            sql_query(
                "INSERT INTO bus.idempotency_key (scope, key, fingerprint, attempt, lease_until)
                 VALUES ($1, $2, $3, nextval('bus.attempt'), now() + interval '30 seconds')
                 ON CONFLICT (scope, key) DO NOTHING RETURNING attempt",
            )
            .bind::<Text, _>(&key.scope)
            .bind::<Text, _>(&key.key)
            .bind::<Binary, _>(&key.fingerprint[..]),
        )
        .get_result::<Attempt>(conn)
        .await
        .optional()?;
        if let Some(Attempt { attempt }) = inserted {
            return Ok(Claim::Execute { attempt, new: true, recovery_point: None });
        }
        // freed by its owner between the two statements: it can be inserted after all
        if let Some(claim) = claim_existing(conn, key).await? {
            return Ok(claim);
        }
    }
}

async fn claim_existing(conn: &mut Connection, key: &IdempotencyKey) -> QueryResult<Option<Claim>> {
    let row = cached(
        sql_query(
            "SELECT fingerprint, lease_until > clock_timestamp() AS leased,
                    recovery_point, response_status, response_body
             FROM bus.idempotency_key WHERE scope = $1 AND key = $2 FOR UPDATE",
        )
        .bind::<Text, _>(&key.scope)
        .bind::<Text, _>(&key.key),
    )
    .get_result::<Row>(conn)
    .await
    .optional()?;
    let Some(row) = row else { return Ok(None) };
    let recovery_point = row.recovery_point.clone();
    if let Some(claim) = row.judge(&key.fingerprint) {
        return Ok(Some(claim));
    }
    let Attempt { attempt } = cached(
        sql_query(
            "UPDATE bus.idempotency_key
             SET attempt = nextval('bus.attempt'),
                 lease_until = clock_timestamp() + interval '30 seconds'
             WHERE scope = $1 AND key = $2 RETURNING attempt",
        )
        .bind::<Text, _>(&key.scope)
        .bind::<Text, _>(&key.key),
    )
    .get_result(conn)
    .await?;
    Ok(Some(Claim::Execute { attempt, new: false, recovery_point }))
}

/// What the key is worth, without claiming it. `None`: it is free, or its lease has expired.
pub async fn find(conn: &mut Connection, key: &IdempotencyKey) -> QueryResult<Option<Claim>> {
    let row = cached(
        sql_query(
            "SELECT fingerprint, lease_until > clock_timestamp() AS leased,
                    recovery_point, response_status, response_body
             FROM bus.idempotency_key WHERE scope = $1 AND key = $2",
        )
        .bind::<Text, _>(&key.scope)
        .bind::<Text, _>(&key.key),
    )
    .get_result::<Row>(conn)
    .await
    .optional()?;
    Ok(row.and_then(|row| row.judge(&key.fingerprint)))
}

/// Notes how far the execution has come. `false`: another attempt has taken over; write nothing.
pub async fn set_recovery_point(
    conn: &mut Connection,
    key: &IdempotencyKey,
    attempt: i32,
    point: &Value,
) -> QueryResult<bool> {
    let updated = cached(
        sql_query(
            "UPDATE bus.idempotency_key SET recovery_point = $4
             WHERE scope = $1 AND key = $2 AND attempt = $3 AND finished_at IS NULL",
        )
        .bind::<Text, _>(&key.scope)
        .bind::<Text, _>(&key.key)
        .bind::<Integer, _>(attempt)
        .bind::<Jsonb, _>(point),
    )
    .execute(conn)
    .await?;
    Ok(updated == 1)
}

/// Stores the answer. `false`: another attempt has taken over; roll back.
pub async fn finish(
    conn: &mut Connection,
    key: &IdempotencyKey,
    attempt: i32,
    response: &StoredResponse,
) -> QueryResult<bool> {
    let updated = cached(
        sql_query(
            "UPDATE bus.idempotency_key
             SET response_status = $4, response_body = $5, finished_at = now(),
                 lease_until = NULL, recovery_point = NULL
             WHERE scope = $1 AND key = $2 AND attempt = $3 AND finished_at IS NULL",
        )
        .bind::<Text, _>(&key.scope)
        .bind::<Text, _>(&key.key)
        .bind::<Integer, _>(attempt)
        .bind::<SmallInt, _>(i16::try_from(response.status).unwrap_or(200))
        .bind::<Text, _>(&response.body),
    )
    .execute(conn)
    .await?;
    Ok(updated == 1)
}

/// Gives the key back, as if it had never been used: the answer was a refusal that is judged anew.
/// `false`: another attempt has taken over; roll back.
pub async fn free(conn: &mut Connection, key: &IdempotencyKey, attempt: i32) -> QueryResult<bool> {
    let deleted = cached(
        sql_query(
            "DELETE FROM bus.idempotency_key
             WHERE scope = $1 AND key = $2 AND attempt = $3 AND finished_at IS NULL",
        )
        .bind::<Text, _>(&key.scope)
        .bind::<Text, _>(&key.key)
        .bind::<Integer, _>(attempt),
    )
    .execute(conn)
    .await?;
    Ok(deleted == 1)
}

/// Ends the lease but keeps the recovery point: the answer was a 5xx, the same key goes on.
pub async fn release(conn: &mut Connection, key: &IdempotencyKey, attempt: i32) -> QueryResult<()> {
    cached(
        sql_query(
            "UPDATE bus.idempotency_key SET lease_until = clock_timestamp()
             WHERE scope = $1 AND key = $2 AND attempt = $3 AND finished_at IS NULL",
        )
        .bind::<Text, _>(&key.scope)
        .bind::<Text, _>(&key.key)
        .bind::<Integer, _>(attempt),
    )
    .execute(conn)
    .await
    .map(|_| ())
}
