//! Many new payments in one transaction.
//!
//! A payment without an account, while no fault is planned for the making of payments, is a row and
//! what is said about it: such rows are written together. Everything else goes the long way, alone.

use diesel::QueryResult;
use diesel_async::AsyncConnection;
use futures_util::future::BoxFuture;

use crate::{
    modules::sandbox::{
        model::BankPayment,
        repo::{self, Operation},
        webhook::NewEvent,
    },
    platform::{
        batching::Flush,
        postgres::{Connection, Database, DbError},
    },
};

/// A payment to be made, and what will be said about it.
#[derive(Debug)]
pub struct Making {
    pub payment: BankPayment,
    pub events: Vec<NewEvent>,
}

/// Writes batches of new payments.
pub struct CreateMany {
    database: Database,
}

impl Flush for CreateMany {
    type Job = Making;
    /// Whether it is made. If not, nothing was written: its idempotency key may have been used
    /// before, or a fault is planned.
    type Outcome = bool;

    fn flush<'a>(&'a self, jobs: &'a [Making]) -> BoxFuture<'a, Result<Vec<bool>, DbError>> {
        Box::pin(async move {
            let mut conn = self.database.conn().await?;
            // payments that wait for their donor say nothing yet: one statement, its own transaction
            if jobs.iter().all(|job| job.events.is_empty()) {
                return Ok(make(&mut conn, jobs).await?);
            }
            Ok(conn.transaction(async |conn| write(conn, jobs).await).await?)
        })
    }
}

impl CreateMany {
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

async fn write(conn: &mut Connection, jobs: &[Making]) -> QueryResult<Vec<bool>> {
    let made = make(conn, jobs).await?;
    let told = jobs.iter().zip(&made).filter(|(_, made)| **made);
    let events: Vec<&NewEvent> = told.flat_map(|(job, _)| &job.events).collect();
    repo::insert_events(conn, &events).await?;
    Ok(made)
}

async fn make(conn: &mut Connection, jobs: &[Making]) -> QueryResult<Vec<bool>> {
    let payments: Vec<&BankPayment> = jobs.iter().map(|job| &job.payment).collect();
    let made = repo::insert_payments(conn, &payments, Some(Operation::Create)).await?;
    Ok(jobs.iter().map(|job| made.contains(&job.payment.id)).collect())
}
