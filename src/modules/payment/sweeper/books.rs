//! Comparing each provider's books with ours, once for each stretch of time.

use chrono::{DateTime, DurationRound, TimeDelta};

use super::{
    super::{
        api::Provider,
        reconcile::{ProviderReport, reconcile_provider},
        repo,
    },
    Sweeper,
};
use crate::kernel::clock;

/// A comparison that is not finished after so long was left by a process that died.
const LEASE: TimeDelta = TimeDelta::minutes(30);

impl Sweeper {
    pub(super) async fn compare_due_books(&self) -> anyhow::Result<()> {
        let every = self.service.pace().reconcile_every;
        for provider in self.service.providers().all() {
            let now = clock::now();
            // what was made just before the end has come to rest: of a day, a quarter of an hour
            let to = (now - every / 96).duration_trunc(every)?;
            let mut conn = self.database.conn().await?;
            let name = provider.name();
            let due = repo::claim_reconciliation(&mut conn, name, (to - every, to), now, LEASE);
            if due.await? {
                drop(conn);
                self.compare(provider, to - every, to).await?;
            }
        }
        Ok(())
    }

    async fn compare(
        &self,
        provider: &dyn Provider,
        from: DateTime<chrono::Utc>,
        to: DateTime<chrono::Utc>,
    ) -> anyhow::Result<()> {
        let report = reconcile_provider(&self.database, provider, from, to).await?;
        tell(&report);
        let (findings, json) = (report.findings(), serde_json::to_value(&report)?);
        let mut conn = self.database.conn().await?;
        let findings = i32::try_from(findings).unwrap_or(i32::MAX);
        repo::finish_reconciliation(&mut conn, provider.name(), from, findings, &json).await?;
        Ok(())
    }
}

#[allow(clippy::cast_precision_loss, reason = "gauges are floats")]
fn tell(report: &ProviderReport) {
    let kinds = [
        ("unknown_here", report.unknown_here.len()),
        ("unknown_there", report.unknown_there.len()),
        ("different", report.different.len()),
    ];
    for (kind, found) in kinds {
        let labels = [("provider", report.provider.clone()), ("kind", kind.to_owned())];
        metrics::gauge!("provider_reconciliation_findings", &labels).set(found as f64);
    }
    let (provider, findings) = (&report.provider, report.findings());
    if findings > 0 {
        tracing::error!(provider, findings, from = %report.from, "the books do not agree");
    } else {
        tracing::info!(provider, from = %report.from, "the books agree");
    }
}
