//! A cancelled pledge cancels its payment, and a second capture of one pledge is refunded: as
//! intents, in the transaction of the event.

use futures_util::future::BoxFuture;

use super::{
    error::PaymentError,
    events::{PAYMENT_CHANGED, PaymentChanged},
    repo,
    service::refund_second_captures,
};
use crate::{
    kernel::ids::PledgeId,
    modules::pledge::events::PLEDGE_CANCELLED,
    platform::{
        event_bus::{Consumer, ConsumerError, Event},
        postgres::Connection,
    },
};

/// Reacts to cancelled pledges and captured payments.
pub struct PaymentConsumer;

impl Consumer for PaymentConsumer {
    fn name(&self) -> &'static str {
        "payment"
    }

    fn event_types(&self) -> &'static [&'static str] {
        &[PLEDGE_CANCELLED, PAYMENT_CHANGED]
    }

    fn handle<'a>(
        &'a self,
        conn: &'a mut Connection,
        batch: &'a [Event],
    ) -> BoxFuture<'a, Result<(), ConsumerError>> {
        Box::pin(async move {
            let cancelled = batch.iter().filter(|event| event.event_type == PLEDGE_CANCELLED);
            let cancelled: Vec<_> = cancelled.map(|event| PledgeId(event.aggregate_id)).collect();
            if !cancelled.is_empty() {
                repo::insert_intents(conn, &cancelled).await?;
            }
            let paid = paid_pledges(batch)?;
            if !paid.is_empty() {
                refund_second_captures(conn, &paid).await.map_err(told)?;
            }
            Ok(())
        })
    }
}

fn told(error: PaymentError) -> ConsumerError {
    match error {
        PaymentError::Db(error) => error.into(),
        error => anyhow::Error::from(error).into(),
    }
}

fn paid_pledges(batch: &[Event]) -> Result<Vec<PledgeId>, anyhow::Error> {
    let mut paid = Vec::new();
    for event in batch.iter().filter(|event| event.event_type == PAYMENT_CHANGED) {
        let fact: PaymentChanged = event.payload.read()?;
        if fact.captured_minor > fact.refunded_minor {
            paid.push(fact.pledge_id);
        }
    }
    Ok(paid)
}
