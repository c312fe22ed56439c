//! Questions to the provider, outside of any transaction and beside the worker.

use std::sync::Arc;

use diesel_async::AsyncConnection;
use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};
use tokio_util::task::TaskTracker;

use super::{
    super::{
        api::{Provider, ProviderError, ProviderPayment},
        model::Input,
        providers::Providers,
        repo::{self, InboxRow, Settled},
    },
    apply::apply_answered,
    outcome::{ASKING, Applied, Question, deferred},
    translate::snapshot,
};
use crate::{
    kernel::clock,
    platform::{
        event_bus::EventBus,
        postgres::{Connection, Database, DbError},
        telemetry,
    },
};

/// Questions under way at once.
const AT_ONCE: usize = 8;
/// Questions that may wait for their turn. What finds no room here is due again a little later.
const WAITING: usize = 512;

/// Asks providers, and applies what they answer.
#[derive(Clone)]
pub struct Asker {
    database: Database,
    providers: Providers,
    bus: EventBus,
    inbox: Arc<Notify>,
    tasks: TaskTracker,
    turns: Arc<Semaphore>,
    room: Arc<Semaphore>,
}

impl Asker {
    pub fn new(
        database: Database,
        providers: Providers,
        bus: EventBus,
        inbox: Arc<Notify>,
    ) -> Self {
        let (turns, room) = (Semaphore::new(AT_ONCE), Semaphore::new(WAITING));
        let (turns, room) = (Arc::new(turns), Arc::new(room));
        Self { database, providers, bus, inbox, tasks: TaskTracker::new(), turns, room }
    }

    /// Takes the question on, unless too many wait.
    pub fn ask(&self, question: Question) {
        let Ok(room) = self.room.clone().try_acquire_owned() else { return };
        let (own, since) = (self.clone(), Instant::now());
        self.tasks.spawn(async move {
            let (_room, turn) = (room, own.turns.acquire().await);
            // by now the event is due again, and somebody else asks
            let late = since.elapsed() >= ASKING.to_std().unwrap_or_default();
            if turn.is_err() || late {
                return;
            }
            let settling = telemetry::resume(question.trace, own.settle(question));
            if let Err(error) = settling.await {
                tracing::warn!(%error, "a provider's answer could not be applied");
            }
        });
    }

    /// Tells of what has been committed.
    pub fn announce(&self, applied: &Applied) {
        if applied.published {
            self.bus.wake();
        }
        if applied.woken {
            self.inbox.notify_one();
        }
        for Settled { status, .. } in &applied.settled {
            metrics::counter!("webhooks_processed_total", "status" => *status).increment(1);
        }
    }

    /// Waits for the questions under way.
    pub async fn finish(&self) {
        self.turns.close();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// A payment that moves while its provider is asked is asked about again, a few times.
    async fn settle(&self, mut question: Question) -> Result<(), DbError> {
        for _ in 0..3 {
            let Some(provider) = self.providers.get(&question.provider) else { return Ok(()) };
            let mut applied = self.ask_once(provider, &question).await?;
            self.announce(&applied);
            match applied.questions.pop() {
                Some(again) => question = again,
                None => break,
            }
        }
        Ok(())
    }

    /// Asks the provider and applies the event together with the answer. The payment may have
    /// moved meanwhile; then the outcome holds the question again, and the event waits a little.
    async fn ask_once(
        &self,
        provider: &dyn Provider,
        question: &Question,
    ) -> Result<Applied, DbError> {
        let answer = provider.retrieve(&question.provider_payment_id).await;
        if let Err(error) = &answer {
            tracing::warn!(payment_id = %question.payment_id, %error, "the provider was asked in vain");
        }
        let mut conn = self.database.conn().await?;
        let applied = conn
            .transaction(async |conn| {
                let Some(row) = repo::lock_inbox(conn, question.inbox_id).await? else {
                    return Ok(Applied::default());
                };
                conclude(conn, provider, question, &row, &answer).await
            })
            .await;
        applied.map_err(|error: diesel::result::Error| error.into())
    }
}

async fn conclude(
    conn: &mut Connection,
    provider: &dyn Provider,
    question: &Question,
    row: &InboxRow,
    answer: &Result<ProviderPayment, ProviderError>,
) -> diesel::QueryResult<Applied> {
    let reason = match answer {
        Ok(payment) => {
            let answer = snapshot(payment, question.asked_at_version);
            let input = |event| Input::Answered { event, answer };
            return apply_answered(conn, provider, row, input).await;
        }
        Err(ProviderError::Unavailable(_) | ProviderError::Paused(_)) => "provider_unavailable",
        Err(ProviderError::NotFound | ProviderError::Refused(_)) => "provider_silent",
    };
    let mut settled = deferred(row, reason.to_owned());
    // under the payment's lock: whoever moves it either has, or will see the event deferred
    let payment = repo::find_locked(conn, question.payment_id).await?;
    if payment.is_some_and(|payment| payment.version > question.asked_at_version) {
        settled.next_attempt_at = settled.next_attempt_at.map(|_| clock::now());
    }
    let settled = vec![settled];
    repo::settle_inbox(conn, &settled).await?;
    Ok(Applied { settled, ..Applied::default() })
}
