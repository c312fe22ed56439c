//! Follows the totals, so that campaigns can be listed by how far they are funded.

use anyhow::Context;
use futures_util::future::BoxFuture;

use super::repo::funding;
use crate::{
    modules::totals::events::{TOTALS_CHANGED, TotalsChanged},
    platform::{
        event_bus::{Consumer, ConsumerError, Event},
        postgres::Connection,
    },
};

/// What the consumer is called.
pub(super) const NAME: &str = "campaign";

/// Keeps `campaign.funding` at the newest word of the totals.
#[derive(Debug, Clone, Copy, Default)]
pub struct CampaignConsumer;

impl Consumer for CampaignConsumer {
    fn name(&self) -> &'static str {
        NAME
    }

    fn event_types(&self) -> &'static [&'static str] {
        &[TOTALS_CHANGED]
    }

    fn handle<'a>(
        &'a self,
        conn: &'a mut Connection,
        batch: &'a [Event],
    ) -> BoxFuture<'a, Result<(), ConsumerError>> {
        Box::pin(async move {
            let facts = batch.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
            Ok(funding::follow(conn, &facts).await?)
        })
    }
}

fn read(event: &Event) -> anyhow::Result<TotalsChanged> {
    event.payload.read().with_context(|| format!("event {}", event.event_id))
}
