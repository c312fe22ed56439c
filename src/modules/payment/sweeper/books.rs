//! Comparing each provider's books with ours, once for each stretch of time.

use std::collections::BTreeMap;

use chrono::{DurationRound, TimeDelta};

use super::{
    super::{
        api::Provider,
        reconcile::{ProviderReport, reconcile_provider},
        repo::{self, Span},
    },
    Sweeper,
};
use crate::kernel::clock;

/// A comparison that is not finished so long after what differed was looked at again was left by a
/// process that died, or by a provider that did not answer.
const LEASE: TimeDelta = TimeDelta::minutes(30);

/// Stretches of time that are made up for, when nobody was there to compare them.
const MISSED: i32 = 7;

impl Sweeper {
    pub(super) async fn compare_due_books(&self) -> anyhow::Result<()> {
        for provider in self.service.providers().all() {
            let mut reports = Vec::new();
            while let Some(span) = self.claim_due_span(provider.name()).await? {
                reports.push(self.compare(provider, span).await?);
            }
            if !reports.is_empty() {
                measure(provider.name(), &reports);
            }
        }
        Ok(())
    }

    /// The oldest stretch of time that nobody has compared.
    async fn claim_due_span(&self, provider: &str) -> anyhow::Result<Option<Span>> {
        let (every, settle) = (self.service.pace().reconcile_every, self.service.pace().settle);
        let now = clock::now();
        // what happened just before the end has come to rest
        let last = (now - settle).duration_trunc(every)?;
        let end = |ago| last - every * ago;
        let spans: Vec<Span> = (0..MISSED).map(|ago| (end(ago) - every, end(ago))).collect();
        let mut conn = self.database.conn().await?;
        let lease = settle + LEASE;
        Ok(repo::claim_reconciliation(&mut conn, provider, &spans, now, lease).await?)
    }

    async fn compare(&self, provider: &dyn Provider, span: Span) -> anyhow::Result<ProviderReport> {
        let settle = self.service.pace().settle.to_std()?;
        let report = reconcile_provider(&self.database, provider, span, settle).await?;
        let (findings, json) = (report.findings(), serde_json::to_value(&report)?);
        let (provider, from) = (provider.name(), span.0);
        if findings > 0 {
            tracing::error!(provider, findings, %from, "the books do not agree");
        } else {
            tracing::info!(provider, %from, "the books agree");
        }
        let mut conn = self.database.conn().await?;
        let findings = i32::try_from(findings).unwrap_or(i32::MAX);
        repo::finish_reconciliation(&mut conn, provider, from, findings, &json).await?;
        Ok(report)
    }
}

#[allow(clippy::cast_precision_loss, reason = "gauges are floats")]
fn measure(provider: &'static str, reports: &[ProviderReport]) {
    let mut found = BTreeMap::<_, usize>::new();
    for (kind, count) in reports.iter().flat_map(ProviderReport::kinds) {
        *found.entry(kind).or_default() += count;
    }
    for (kind, count) in found {
        let labels = [("provider", provider), ("kind", kind)];
        metrics::gauge!("provider_reconciliation_findings", &labels).set(count as f64);
    }
}
