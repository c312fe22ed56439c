//! `careforall reconcile`: are the books in order?

use std::sync::Arc;

use anyhow::bail;
use tokio::sync::Notify;

use crate::{
    app,
    config::Config,
    modules::{admin::AdminService, auth::api::EndedSessions},
    platform::{audit::Author, event_bus::EventBus},
};

/// Compares all books and prints what was found; with `repair` mends what can be.
///
/// # Errors
/// When the books differ, in the end.
pub async fn run(config: &Config, repair: bool) -> anyhow::Result<()> {
    let author = Author::command_line("careforall reconcile --repair");
    let outcome = app::with_database(config, async |database| {
        let service = AdminService::new(
            database.clone(),
            EventBus::new(),
            Arc::new(Notify::new()),
            EndedSessions::default(),
        );
        Ok(service.reconcile(repair.then_some(&author)).await?)
    })
    .await?;
    print!("{}", outcome.found);
    if let Some(left) = &outcome.left {
        print!("mended {} campaigns; after it:\n{left}", outcome.repaired);
    }
    if outcome.is_clean() {
        return Ok(());
    }
    bail!("the books differ in {} places", outcome.left.as_ref().unwrap_or(&outcome.found).total())
}
