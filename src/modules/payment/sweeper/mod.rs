//! Asking providers about what has not been heard of.
//!
//! Webhooks get lost, clients go away, processes die. Four things make up for it, shared by all
//! replicas through leases: payments whose end is not known are looked at ([`looks`]), each
//! provider's list of events is read into the inbox ([`events`]), and its books are compared with
//! ours ([`books`]); what comes to no end all the same is counted ([`stuck`]). What a provider says
//! goes through `decide` like any other word. A payment never fails because of its age alone: it is
//! cancelled at its provider, and that confirmed, before it does; and nothing here ever makes a
//! payment.

mod books;
mod events;
mod looks;
mod pace;
mod stuck;

use tokio_util::sync::CancellationToken;

use super::{inbox::Door, service::PaymentService};
use crate::platform::{
    postgres::Database,
    telemetry::{self, TraceContext},
};

pub use pace::Pace;

/// Looks for what is due, in every replica.
pub struct Sweeper {
    database: Database,
    service: PaymentService,
    door: Door,
}

impl Sweeper {
    pub fn new(database: Database, service: PaymentService, door: Door) -> Self {
        Self { database, service, door }
    }

    /// Works until told to stop. Payments, events and books do not wait for each other.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(
            self.repeat(Duty::Payments, &stop),
            self.repeat(Duty::Events, &stop),
            self.repeat(Duty::Books, &stop),
            self.watch_stuck(&stop),
        );
    }

    async fn repeat(&self, duty: Duty, stop: &CancellationToken) {
        let every = self.service.pace().every;
        while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
            // each turn is a trace of its own
            let turn = telemetry::scope(TraceContext::root(), self.turn(duty, stop));
            if let Err(error) = turn.await {
                tracing::warn!(?duty, error = format!("{error:#}"), "the sweeper was held up");
            }
        }
    }

    async fn turn(&self, duty: Duty, stop: &CancellationToken) -> anyhow::Result<()> {
        match duty {
            Duty::Payments => self.look_at_due(stop).await,
            Duty::Events => self.read_due_events().await,
            // it only reads, and may take long
            Duty::Books => {
                stop.run_until_cancelled(self.compare_due_books()).await.unwrap_or(Ok(()))
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Duty {
    Payments,
    Events,
    Books,
}
