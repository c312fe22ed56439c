//! The use cases of payments.

mod act;
mod audit;
mod begin;
mod begin_many;
mod budget;
mod conclude;
mod conclude_many;
mod create;
mod name;
mod phases;
mod recover;
mod refunds;
mod settle;

pub use act::Act;
pub use budget::Budget;
pub use refunds::{begin_run, refund_second_captures};
pub use settle::IN_FLIGHT;

use tokio::runtime::Handle;

use self::{begin_many::BeginMany, conclude_many::ConcludeMany};
use super::{
    error::PaymentError,
    providers::Providers,
    repo::{self, HistoryRow, PaymentRow},
    sweeper::Pace,
};
use crate::{
    kernel::{
        ids::PaymentId,
        page::{Page, PageRequest},
    },
    modules::{
        auth::api::{self as auth, Caller},
        pledge::api::{self as pledge, Relation},
    },
    platform::{
        batching::{Batcher, Limits},
        event_bus::EventBus,
        idempotency::ReplayCache,
        postgres::{Connection, Database},
    },
};

/// Everything that payments need to do their work.
#[derive(Clone)]
pub struct PaymentService {
    database: Database,
    bus: EventBus,
    replays: ReplayCache,
    providers: Providers,
    inbox: std::sync::Arc<tokio::sync::Notify>,
    pace: Pace,
    openings: Batcher<BeginMany>,
    endings: Batcher<ConcludeMany>,
}

impl PaymentService {
    /// `inbox` wakes the worker that applies webhooks; the batching writers run on `runtime`.
    pub fn new(
        database: Database,
        bus: EventBus,
        replays: ReplayCache,
        providers: Providers,
        inbox: std::sync::Arc<tokio::sync::Notify>,
        pace: Pace,
        runtime: &Handle,
    ) -> Self {
        let opening = BeginMany::new(database.clone(), providers.clone(), pace.pending_after);
        let openings = Batcher::start("payments_begun", opening, Limits::default(), runtime);
        let ending = ConcludeMany::new(database.clone());
        let endings = Batcher::start("payments_made", ending, Limits::default(), runtime);
        Self { database, bus, replays, providers, inbox, pace, openings, endings }
    }

    /// How the sweeper works.
    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    pub fn providers(&self) -> &Providers {
        &self.providers
    }

    /// A webhook is in the inbox.
    pub fn wake_inbox(&self) {
        self.inbox.notify_one();
    }

    /// The payment, if it is the caller's to know of, and whether the caller is its donor.
    pub async fn get(
        &self,
        caller: Caller,
        id: PaymentId,
    ) -> Result<(PaymentRow, bool), PaymentError> {
        let mut conn = self.database.conn().await?;
        visible(&mut conn, caller, id).await
    }

    /// A page of the payment's history, oldest first.
    pub async fn history(
        &self,
        caller: Caller,
        id: PaymentId,
        page: PageRequest<i64>,
    ) -> Result<Page<HistoryRow>, PaymentError> {
        let mut conn = self.database.conn().await?;
        visible(&mut conn, caller, id).await?;
        let rows = repo::page_of_history(&mut conn, id, page.after, page.limit).await?;
        Ok(Page::new(rows, page.limit, |row| row.id))
    }
}

async fn visible(
    conn: &mut Connection,
    caller: Caller,
    id: PaymentId,
) -> Result<(PaymentRow, bool), PaymentError> {
    let payment = repo::find(conn, id).await?.ok_or(PaymentError::NotFound)?;
    match pledge::relation(conn, caller, payment.pledge_id).await? {
        Relation::Donor => return Ok((payment, true)),
        Relation::CampaignOwner => return Ok((payment, false)),
        Relation::Stranger => {}
    }
    let admin = auth::is_admin(conn, caller).await?;
    if admin { Ok((payment, false)) } else { Err(PaymentError::NotFound) }
}
