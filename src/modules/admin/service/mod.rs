//! The use cases. An act and its row in the audit log are one transaction.

mod acts;
mod dashboard;
mod lists;
mod reconcile;
mod refunds;

use std::sync::Arc;

use tokio::sync::Notify;

use crate::{
    modules::auth::api::EndedSessions,
    platform::{event_bus::EventBus, postgres::Database},
};

pub use dashboard::{ByCurrency, Dashboard, Raised};
pub use reconcile::{Outcome, Place, Reconciler};

/// Everything administrators do. Cheap to clone.
#[derive(Clone)]
pub struct AdminService {
    database: Database,
    bus: EventBus,
    inbox: Arc<Notify>,
    ended: EndedSessions,
}

impl AdminService {
    /// `inbox` wakes the worker that applies webhooks; `ended` hears of sessions that acts end.
    pub fn new(
        database: Database,
        bus: EventBus,
        inbox: Arc<Notify>,
        ended: EndedSessions,
    ) -> Self {
        Self { database, bus, inbox, ended }
    }
}
