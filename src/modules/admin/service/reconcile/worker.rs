//! The background: what changed every few minutes, everything nightly, one replica at a time.

use std::time::Duration;

use chrono::{NaiveDate, TimeDelta};
use tokio_util::sync::CancellationToken;

use crate::{
    kernel::clock,
    modules::admin::{
        error::AdminError,
        repo::{self, Kind, Standing},
        report::CHECKS,
        service::AdminService,
    },
    platform::telemetry::{self, TraceContext},
};

/// How often each replica asks whether a run is due, and shows what the last ones found.
const TICK: Duration = Duration::from_secs(5);

/// How long a run may take before another replica begins it anew.
const LEASE: TimeDelta = TimeDelta::hours(1);

/// Compares the books by itself, and never changes them.
pub struct Reconciler {
    service: AdminService,
    /// The day that has been opened.
    day: Option<NaiveDate>,
}

impl Reconciler {
    pub fn new(service: AdminService) -> Self {
        Self { service, day: None }
    }

    /// Works until told to stop. A run that is cut short is taken up at the next turn, by whichever
    /// replica has it.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let turn = telemetry::scope(TraceContext::root(), self.turn());
            match stop.run_until_cancelled(turn).await {
                None => return,
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::warn!(%error, "the books could not be compared"),
            }
            if stop.run_until_cancelled(tokio::time::sleep(TICK)).await.is_none() {
                return;
            }
        }
    }

    /// One statement, when nothing is due.
    async fn turn(&mut self) -> Result<(), AdminError> {
        let today = clock::now().date_naive();
        if self.day != Some(today) {
            self.service.open_day().await?;
            self.day = Some(today);
        }
        let mut standings = self.standings().await?;
        if standings.iter().any(|standing| standing.next_at <= clock::now()) {
            self.catch_up().await?;
            standings = self.standings().await?;
        }
        show(&standings);
        Ok(())
    }

    async fn standings(&self) -> Result<Vec<Standing>, AdminError> {
        let mut conn = self.service.database.conn().await?;
        Ok(repo::standings(&mut conn).await?)
    }

    async fn catch_up(&self) -> Result<(), AdminError> {
        if self.claim(Kind::All).await?.is_some() {
            self.service.reconcile(None).await?;
        }
        if let Some(seq) = self.claim(Kind::Changes).await? {
            self.service.reconcile_changes(seq).await?;
        }
        Ok(())
    }

    async fn claim(&self, kind: Kind) -> Result<Option<i64>, AdminError> {
        let mut conn = self.service.database.conn().await?;
        Ok(repo::claim(&mut conn, kind, clock::now() + LEASE).await?)
    }
}

/// Every replica shows what the last runs found, whichever of them made them.
#[allow(clippy::cast_precision_loss, reason = "a gauge")]
fn show(standings: &[Standing]) {
    let found = repo::drifts(standings);
    for check in CHECKS {
        let drifts = found.get(check).copied().unwrap_or(0);
        metrics::gauge!("reconciliation_drift", "check" => check).set(drifts as f64);
    }
    for Standing { kind, finished_at, .. } in standings {
        let Some(at) = finished_at else { continue };
        let age = (clock::now() - *at).num_seconds();
        metrics::gauge!("reconciliation_age_seconds", "kind" => kind.clone()).set(age as f64);
    }
}

impl AdminService {
    /// Compares what the bus has told of after `seq`. Where something is wrong, the next run looks
    /// at the same again, so that the alarm lasts as long as its cause.
    async fn reconcile_changes(&self, seq: i64) -> Result<(), AdminError> {
        let (report, upto) = self.examine_changes(seq).await?;
        let upto = report.is_clean().then_some(upto);
        self.note(Kind::Changes, upto, &report).await
    }
}
