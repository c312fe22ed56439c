//! The work behind the requests: the bus, the inbox, deadlines, the bank's webhooks.

use std::{sync::Arc, time::Duration};

use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{metrics, resources::Resources, services::Services};
use crate::{
    modules::{
        payment::{Canceller, InboxWorker, PaymentConsumer},
        pledge::PledgeConsumer,
        sandbox::{DeliveryWorker, Pace},
        totals::TotalsConsumer,
    },
    platform::{
        cache::listen_for_hints,
        event_bus::{BusConfig, BusRuntime, Consumer},
        idempotency,
    },
};

/// Tasks that end when they are told to.
pub struct Background {
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Starts everything.
pub fn start(services: &Services, resources: &Resources, recorder: PrometheusHandle) -> Background {
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let database = resources.database.clone();

    let consumers: Vec<Arc<dyn Consumer>> =
        vec![Arc::new(TotalsConsumer), Arc::new(PledgeConsumer), Arc::new(PaymentConsumer)];
    let bus =
        BusRuntime::new(database.clone(), services.bus.clone(), consumers, BusConfig::default());
    let token = stop.clone();
    tasks.spawn(async move {
        if let Err(error) = bus.run(token).await {
            tracing::error!(%error, "the event bus has ended");
        }
    });

    let inbox = InboxWorker::new(
        database.clone(),
        services.payments.providers().clone(),
        services.bus.clone(),
        services.inbox.clone(),
    );
    tasks.spawn(inbox.run(stop.clone()));
    let canceller = Canceller::new(database.clone(), services.payments.clone());
    tasks.spawn(canceller.run(stop.clone()));
    tasks.spawn(services.campaigns.clone().run(stop.clone()));
    tasks.spawn(idempotency::reap(database.clone(), stop.clone()));
    tasks.spawn(metrics::sample(database, recorder, stop.clone()));
    if let Some(redis) = &resources.redis {
        tasks.spawn(listen_for_hints(redis.clone(), services.bus.clone(), stop.clone()));
    }
    if let Some(bank) = &services.sandbox {
        match DeliveryWorker::new(bank.clone(), Pace::default()) {
            Ok(worker) => {
                let token = stop.clone();
                tasks.spawn(async move { worker.run(token).await });
            }
            Err(error) => tracing::error!(%error, "the sandbox cannot send webhooks"),
        }
    }
    tasks.close();
    Background { tasks, stop }
}

impl Background {
    /// Lets what is under way come to its end.
    pub async fn stop(self, patience: Duration) {
        self.stop.cancel();
        if tokio::time::timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::warn!("background work did not end in time; its transactions roll back");
        }
    }
}
