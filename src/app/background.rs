//! The work behind the requests: the bus, the inbox, deadlines, mail, the bank's webhooks.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{metrics, resources::Resources, services::Services};
use crate::{
    modules::{
        admin::Reconciler,
        auth::Clerk,
        campaign::CampaignConsumer,
        payment::{Canceller, InboxWorker, PaymentConsumer, Refunder, Sweeper, forget_settled},
        pledge::{KnownGuests, PledgeConsumer},
        sandbox::{DeliveryWorker, Pace},
        totals::TotalsConsumer,
    },
    platform::{
        cache::listen_to_peers,
        event_bus::{BusConfig, BusRuntime, Consumer},
        idempotency,
        lookout::Lookout,
        mailer::Mailer,
    },
};

/// Tasks that end when they are told to. One that ends before would leave a process that looks
/// alive and no longer does its work.
#[derive(Default)]
pub struct Background {
    tasks: TaskTracker,
    stop: CancellationToken,
    failed: CancellationToken,
}

/// Starts everything.
pub fn start(services: &Services, resources: &Resources, recorder: PrometheusHandle) -> Background {
    let background = Background::default();
    let stop = &background.stop;
    let database = resources.database.clone();

    let consumers: Vec<Arc<dyn Consumer>> = vec![
        Arc::new(TotalsConsumer),
        Arc::new(PledgeConsumer),
        Arc::new(PaymentConsumer),
        Arc::new(CampaignConsumer),
    ];
    let bus =
        BusRuntime::new(database.clone(), services.bus.clone(), consumers, BusConfig::default());
    // its own: the bus cancels it when a part of it ends, which is no order to stop
    let token = stop.child_token();
    background.spawn("event bus", async move {
        if let Err(error) = bus.run(token).await {
            tracing::error!(%error, "the event bus has ended");
        }
    });

    let mut lookout = Lookout::new(database.clone());
    let inbox = InboxWorker::new(
        database.clone(),
        services.payments.providers().clone(),
        services.bus.clone(),
        services.inbox.clone(),
        &mut lookout,
    );
    background.spawn("inbox", inbox.run(stop.clone()));
    background.spawn("inbox retention", forget_settled(database.clone(), stop.clone()));
    let canceller = Canceller::new(database.clone(), services.payments.clone(), &mut lookout);
    background.spawn("canceller", canceller.run(stop.clone()));
    let refunder = Refunder::new(database.clone(), services.payments.clone(), &mut lookout);
    background.spawn("refunder", refunder.run(stop.clone()));
    let sweeper = Sweeper::new(database.clone(), services.payments.clone(), services.door.clone());
    background.spawn("sweeper", sweeper.run(stop.clone()));
    let abandon_after = services.payments.pace().abandon_after;
    background.spawn("unpaid pledges", services.pledges.clone().run(abandon_after, stop.clone()));
    let followers = services.pledges.clone().follow_cancelled_campaigns(&mut lookout, stop.clone());
    background.spawn("cancelled campaigns", followers);
    let clerk = Clerk::new(&services.auth, Arc::new(KnownGuests), &mut lookout);
    background.spawn("clerk", clerk.run(stop.clone()));
    let mailer = Mailer::new(
        database.clone(),
        services.mail.clone(),
        services.mail_from.clone(),
        services.mail_bell.clone(),
        &mut lookout,
    );
    background.spawn("mailer", mailer.run(stop.clone()));
    background.spawn("deadlines", services.campaigns.clone().run(&mut lookout, stop.clone()));
    let ended = services.auth.clone().watch_ended_sessions(&mut lookout, stop.clone());
    background.spawn("ended sessions", ended);
    let reconciler = Reconciler::new(services.admin.clone());
    background.spawn("reconciliation", reconciler.run(stop.clone()));
    background.spawn("idempotency", idempotency::reap(database.clone(), stop.clone()));
    let sources = metrics::Sources { database, redis: resources.redis.clone(), recorder };
    background.spawn("metrics", sources.sample(stop.clone()));
    if resources.reads.has_standby() {
        background.spawn("read replica", resources.reads.clone().watch(stop.clone()));
    }
    if let Some(redis) = &resources.redis {
        background
            .spawn("peers", listen_to_peers(redis.clone(), services.bus.clone(), stop.clone()));
    }
    if let Some(bank) = &services.sandbox {
        bank.watch(&mut lookout);
        // the lookout looks
        let pace = Pace { poll: Duration::from_secs(30), ..Pace::default() };
        match DeliveryWorker::new(bank.clone(), pace) {
            Ok(worker) => {
                let token = stop.clone();
                background.spawn("sandbox", async move { worker.run(token).await });
            }
            Err(error) => tracing::error!(%error, "the sandbox cannot send webhooks"),
        }
    }
    background.spawn("lookout", lookout.run(stop.clone()));
    background.tasks.close();
    background
}

impl Background {
    fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let (stop, failed) = (self.stop.clone(), self.failed.clone());
        self.tasks.spawn(async move {
            let panicked = AssertUnwindSafe(work).catch_unwind().await.is_err();
            if panicked || !stop.is_cancelled() {
                tracing::error!(name, panicked, "background work has ended by itself");
                failed.cancel();
            }
        });
    }

    /// Waits for work that ends without having been told to.
    pub async fn failed(&self) {
        self.failed.cancelled().await;
    }

    /// Lets what is under way come to its end.
    pub async fn stop(self, patience: Duration) {
        self.stop.cancel();
        if tokio::time::timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::warn!("background work did not end in time; its transactions roll back");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn work_that_ends_or_panics_by_itself_is_told_of() {
        let ended = Background::default();
        ended.spawn("ends", async {});
        tokio::time::timeout(PATIENCE, ended.failed()).await.expect("it ended");
        let panicked = Background::default();
        panicked.spawn("panics", async { panic!("on purpose") });
        tokio::time::timeout(PATIENCE, panicked.failed()).await.expect("it panicked");
    }

    #[tokio::test]
    async fn work_that_ends_when_told_to_has_not_failed() {
        let background = Background::default();
        let (stop, failed) = (background.stop.clone(), background.failed.clone());
        background.spawn("obeys", async move { stop.cancelled().await });
        background.tasks.close();
        background.stop(PATIENCE).await;
        assert!(!failed.is_cancelled());
    }
}
