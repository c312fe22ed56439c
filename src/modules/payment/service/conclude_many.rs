//! Phase C of many payments in one transaction.
//!
//! Nearly always a key is still its attempt's, and its payment open, without another name, and in
//! nobody else's hands just now. Such answers are stored together. All others go the long way,
//! alone ([`conclude`](super::conclude::conclude)); nothing is written for them here.
//!
//! Nobody is waited for: a batch takes the locks that it gets.

use diesel::QueryResult;
use diesel_async::AsyncConnection;
use futures_util::future::BoxFuture;

use super::super::{
    api::Created,
    repo::{self, Named},
};
use crate::{
    kernel::ids::PaymentId,
    platform::{
        batching::Flush,
        idempotency::{self, Held, IdempotencyKey, StoredResponse},
        postgres::{Connection, Database, DbError},
    },
};

/// What the provider has made, and the answer that the request will have.
#[derive(Debug)]
pub struct Ending {
    pub key: IdempotencyKey,
    pub attempt: i32,
    pub payment: PaymentId,
    pub created: Created,
    pub response: StoredResponse,
}

/// Writes phase C of batches of payments.
pub struct ConcludeMany {
    database: Database,
}

impl Flush for ConcludeMany {
    type Job = Ending;
    /// Whether it is stored; else go the long way.
    type Outcome = bool;

    fn flush<'a>(&'a self, jobs: &'a [Ending]) -> BoxFuture<'a, Result<Vec<bool>, DbError>> {
        Box::pin(async move {
            let mut conn = self.database.conn().await?;
            Ok(conn.transaction(async |conn| write(conn, jobs).await).await?)
        })
    }
}

impl ConcludeMany {
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

async fn write(conn: &mut Connection, jobs: &[Ending]) -> QueryResult<Vec<bool>> {
    let keys: Vec<Held<'_>> = jobs.iter().map(|job| (&job.key, job.attempt)).collect();
    let ids: Vec<PaymentId> = jobs.iter().map(|job| job.payment).collect();
    // the keys first, as everywhere
    let held = idempotency::lock_held(conn, &keys).await?;
    let open = repo::lock_open(conn, &ids).await?;
    let nameable = |job: &Ending| {
        let name = open.get(&job.payment);
        name.is_some_and(|name| {
            name.as_ref().is_none_or(|known| *known == job.created.provider_payment_id)
        })
    };
    let plain: Vec<bool> = jobs.iter().zip(held).map(|(job, held)| held && nameable(job)).collect();

    let stored: Vec<&Ending> =
        jobs.iter().zip(&plain).filter(|(_, plain)| **plain).map(|(job, _)| job).collect();
    if stored.is_empty() {
        return Ok(plain);
    }
    let answers: Vec<_> =
        stored.iter().map(|job| ((&job.key, job.attempt), &job.response)).collect();
    let made: Vec<Named<'_>> = stored.iter().map(|job| job.created.of(job.payment)).collect();
    idempotency::finish_many(conn, &answers).await?;
    repo::name_many(conn, &made).await?;
    let ids: Vec<PaymentId> = made.iter().map(|named| named.id).collect();
    let names: Vec<&str> = made.iter().map(|named| named.provider_payment_id).collect();
    repo::wake_deferred(conn, &ids, &names).await?;
    Ok(plain)
}
