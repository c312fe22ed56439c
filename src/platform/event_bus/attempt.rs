//! Applying a batch, and finding the events that cannot be applied.

use std::{any::Any, collections::HashSet, panic::AssertUnwindSafe};

use anyhow::anyhow;
use diesel_async::{AnsiTransactionManager, SimpleAsyncConnection, TransactionManager};
use futures_util::FutureExt;

use super::{
    consumer::{Consumer, ConsumerError},
    event::Event,
    spans,
};
use crate::platform::postgres::Connection;

/// What became of a batch.
#[derive(Default)]
pub struct Outcome {
    pub applied: usize,
    /// Events that failed, with the reason.
    pub failed: Vec<(Event, String)>,
    /// Events that come after a failed one of the same aggregate.
    pub behind: Vec<Event>,
}

/// Applies what can be applied, in order. A batch that fails is halved until the event is found;
/// what follows it in its aggregate is left out.
///
/// # Errors
/// Only transient ones; the caller's transaction is to be rolled back.
pub async fn apply(
    conn: &mut Connection,
    consumer: &dyn Consumer,
    events: Vec<Event>,
) -> Result<Outcome, ConsumerError> {
    let mut outcome = Outcome::default();
    let mut failed = HashSet::new();
    let mut todo = vec![events];
    while let Some(batch) = todo.pop() {
        let (behind, mut batch): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|e| failed.contains(&(e.partition, e.aggregate_id)));
        outcome.behind.extend(behind);
        if batch.is_empty() {
            continue;
        }
        match attempt(conn, consumer, &batch).await {
            Ok(()) => outcome.applied += batch.len(),
            Err(error) if error.is_transient() => return Err(error),
            Err(error) if batch.len() == 1 => {
                failed.extend(batch.iter().map(|e| (e.partition, e.aggregate_id)));
                let error = error.stored();
                outcome.failed.extend(batch.into_iter().map(|event| (event, error.clone())));
            }
            Err(_) => {
                let second = batch.split_off(batch.len() / 2);
                todo.extend([second, batch]);
            }
        }
    }
    Ok(outcome)
}

/// Applies a batch whole or not at all, and leaves the transaction usable if the failure is
/// deterministic.
pub async fn attempt(
    conn: &mut Connection,
    consumer: &dyn Consumer,
    batch: &[Event],
) -> Result<(), ConsumerError> {
    let mut spans = spans::process(consumer, batch);
    let carried = spans::carried(batch, &mut spans);
    let batch = carried.as_deref().unwrap_or(batch);
    let depth = depth(conn)?;
    // by hand: Diesel would lose count if RELEASE failed, as it does after a swallowed SQL error
    conn.batch_execute("SAVEPOINT bus_attempt").await?;
    let handling = spans.scope(consumer.handle(conn, batch));
    let handled = AssertUnwindSafe(handling).catch_unwind().await;
    let result = match handled.unwrap_or_else(|panic| Err(panicked(&*panic))) {
        Ok(()) => conn.batch_execute("RELEASE SAVEPOINT bus_attempt").await.map_err(Into::into),
        Err(error) => Err(error),
    };
    if result.is_err() {
        spans.recorded().for_each(|(_, span)| span.fail("not_applied"));
    }
    match result {
        Err(error) if !error.is_transient() => {
            unwind(conn, depth).await?;
            conn.batch_execute("ROLLBACK TO SAVEPOINT bus_attempt; RELEASE SAVEPOINT bus_attempt")
                .await?;
            Err(error)
        }
        other => other,
    }
}

/// Leaves the transactions that a panicking handler opened within ours.
async fn unwind(conn: &mut Connection, to: u32) -> Result<(), ConsumerError> {
    while depth(conn)? > to {
        AnsiTransactionManager::rollback_transaction(conn).await?;
    }
    Ok(())
}

fn depth(conn: &mut Connection) -> Result<u32, ConsumerError> {
    let status =
        <AnsiTransactionManager as TransactionManager<Connection>>::transaction_manager_status_mut(
            conn,
        );
    Ok(status.transaction_depth()?.map_or(0, u32::from))
}

fn panicked(panic: &(dyn Any + Send)) -> ConsumerError {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message");
    ConsumerError::Failed(anyhow!("panicked: {text}"))
}
