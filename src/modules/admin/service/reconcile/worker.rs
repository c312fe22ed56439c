//! The background: what changed every few minutes, everything nightly, one replica at a time.

use std::time::Duration;

use chrono::{NaiveDate, TimeDelta};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::walk::Pace;
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

/// How long after its last sign of life a run is begun anew, by any replica.
const LEASE: TimeDelta = TimeDelta::minutes(10);

/// How often a run shows that it is alive.
const SIGN: Duration = Duration::from_mins(3);

/// Compares the books by itself, and never changes them.
pub struct Reconciler {
    service: AdminService,
    /// A run is due, perhaps the one over everything.
    due: Notify,
}

impl Reconciler {
    pub fn new(service: AdminService) -> Self {
        Self { service, due: Notify::new() }
    }

    /// Works until told to stop. A run that is cut short is begun anew later, by whichever replica
    /// has it. What changed is compared beside a run over everything, which may take hours.
    pub async fn run(self, stop: CancellationToken) {
        let work = async { tokio::join!(self.watch(), self.compare_all()) };
        let _ = stop.run_until_cancelled(work).await;
    }

    async fn watch(&self) {
        let mut day = None;
        loop {
            let turn = telemetry::scope(TraceContext::root(), self.turn(&mut day));
            warn_of(turn.await);
            tokio::time::sleep(TICK).await;
        }
    }

    /// One statement, when nothing is due. `day` is the one that has been opened.
    async fn turn(&self, day: &mut Option<NaiveDate>) -> Result<(), AdminError> {
        let today = clock::now().date_naive();
        if *day != Some(today) {
            self.service.open_day().await?;
            *day = Some(today);
        }
        let mut standings = self.standings().await?;
        if standings.iter().any(|standing| standing.next_at <= clock::now()) {
            self.due.notify_one();
            if let Some(seq) = self.claim(Kind::Changes).await? {
                self.showing_life(Kind::Changes, self.service.reconcile_changes(seq)).await?;
            }
            standings = self.standings().await?;
        }
        show(&standings);
        Ok(())
    }

    async fn compare_all(&self) {
        loop {
            self.due.notified().await;
            warn_of(telemetry::scope(TraceContext::root(), self.claim_and_compare_all()).await);
        }
    }

    async fn claim_and_compare_all(&self) -> Result<(), AdminError> {
        if self.claim(Kind::All).await?.is_some() {
            self.showing_life(Kind::All, self.service.reconcile_gently()).await?;
        }
        Ok(())
    }

    async fn showing_life(
        &self,
        kind: Kind,
        run: impl Future<Output = Result<(), AdminError>>,
    ) -> Result<(), AdminError> {
        tokio::select! {
            done = run => done,
            failed = self.show_life(kind) => failed,
        }
    }

    /// Ends only with an error.
    async fn show_life(&self, kind: Kind) -> Result<(), AdminError> {
        loop {
            tokio::time::sleep(SIGN).await;
            let mut conn = self.service.database.conn().await?;
            repo::extend(&mut conn, kind, clock::now() + LEASE).await?;
        }
    }

    async fn standings(&self) -> Result<Vec<Standing>, AdminError> {
        let mut conn = self.service.database.conn().await?;
        Ok(repo::standings(&mut conn).await?)
    }

    async fn claim(&self, kind: Kind) -> Result<Option<i64>, AdminError> {
        let mut conn = self.service.database.conn().await?;
        Ok(repo::claim(&mut conn, kind, clock::now() + LEASE).await?)
    }
}

fn warn_of(result: Result<(), AdminError>) {
    if let Err(error) = result {
        tracing::warn!(%error, "the books could not be compared");
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
    /// Compares everything, at a pace that leaves the database to others.
    async fn reconcile_gently(&self) -> Result<(), AdminError> {
        let found = self.examine_settled(Pace::Gentle).await?;
        self.note(Kind::All, None, &found).await
    }

    /// Compares what the bus has told of after `seq`. Where something is wrong, the next run looks
    /// at the same again, so that the alarm lasts as long as its cause.
    async fn reconcile_changes(&self, seq: i64) -> Result<(), AdminError> {
        let (report, upto) = self.examine_changes(seq).await?;
        let upto = report.is_clean().then_some(upto);
        self.note(Kind::Changes, upto, &report).await
    }
}
