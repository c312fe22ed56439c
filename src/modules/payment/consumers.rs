//! A cancelled pledge cancels its payment: as an intent, in the transaction of the event.

use futures_util::future::BoxFuture;

use super::repo;
use crate::{
    kernel::ids::PledgeId,
    modules::pledge::events::PLEDGE_CANCELLED,
    platform::{
        event_bus::{Consumer, ConsumerError, Event},
        postgres::Connection,
    },
};

/// Reacts to cancelled pledges.
pub struct PaymentConsumer;

impl Consumer for PaymentConsumer {
    fn name(&self) -> &'static str {
        "payment"
    }

    fn event_types(&self) -> &'static [&'static str] {
        &[PLEDGE_CANCELLED]
    }

    fn handle<'a>(
        &'a self,
        conn: &'a mut Connection,
        batch: &'a [Event],
    ) -> BoxFuture<'a, Result<(), ConsumerError>> {
        Box::pin(async move {
            let pledges: Vec<PledgeId> =
                batch.iter().map(|event| PledgeId(event.aggregate_id)).collect();
            repo::insert_intents(conn, &pledges).await?;
            Ok(())
        })
    }
}
