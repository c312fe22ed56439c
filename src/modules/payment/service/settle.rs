//! Making sure that a payment takes no more money: cancelled at the provider, and that confirmed.

use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::AsyncConnection;

use super::{
    super::{
        api::{ProviderError, ProviderPayment},
        book::{Book, Cause, Source},
        error::PaymentError,
        inbox::snapshot,
        model::{Decision, EventKind, Input, ProviderEvent},
        repo::{self, PaymentRow},
    },
    PaymentService,
    budget::Budget,
    recover::made_until,
};
use crate::{kernel::clock, platform::postgres::Connection};

/// A payment without a name may be on its way to the provider right now: no request lives longer.
pub const IN_FLIGHT: TimeDelta = TimeDelta::seconds(60);

fn in_flight(payment: &PaymentRow) -> bool {
    let called = payment.called_at.is_some_and(|at| clock::now() - at < IN_FLIGHT);
    called && payment.provider_payment_id.is_none()
}

impl PaymentService {
    /// Cancels a payment that could still succeed. Had it succeeded already, that is adopted: the
    /// payment is captured then.
    pub async fn settle(
        &self,
        payment: &PaymentRow,
        source: Source,
        budget: &mut Budget,
    ) -> Result<(), PaymentError> {
        if in_flight(payment) {
            return Err(PaymentError::ProviderUnavailable);
        }
        let answer = self.cancel_at_provider(payment, budget).await?;
        let mut conn = self.database.conn().await?;
        conn.transaction(async |conn| {
            match &answer {
                Some(answer) => Ok(apply_snapshot(conn, payment, answer, (source, None)).await?),
                // the provider has nothing that could succeed
                None => close(conn, payment, source).await,
            }
        })
        .await?;
        self.bus.wake();
        Ok(())
    }

    /// Asks the provider how a payment stands, and lets that be judged. Returns when the money that
    /// is set aside goes back by itself, while it is.
    pub async fn refresh(
        &self,
        payment: &PaymentRow,
    ) -> Result<Option<DateTime<Utc>>, PaymentError> {
        let provider =
            self.providers.get(&payment.provider).ok_or(PaymentError::ProviderUnavailable)?;
        let mut budget = Budget::default();
        let name = self.name_of(payment, provider, &mut budget).await?;
        let answer = budget.call(provider.retrieve(&name)).await?;
        let mut conn = self.database.conn().await?;
        let judged = (Source::Sweeper, Some(payment.version));
        conn.transaction(async |conn| apply_snapshot(conn, payment, &answer, judged).await).await?;
        self.bus.wake();
        self.wake_inbox();
        Ok(answer.authorization_expires_at)
    }

    /// What the provider has of this payment once nothing more can be captured; `None`: nothing.
    async fn cancel_at_provider(
        &self,
        payment: &PaymentRow,
        budget: &mut Budget,
    ) -> Result<Option<ProviderPayment>, PaymentError> {
        let failed = |error: ProviderError| {
            tracing::warn!(payment_id = %payment.id, %error, "could not cancel at the provider");
            match error {
                ProviderError::Paused(wait) => PaymentError::ProviderPaused(wait),
                _ => PaymentError::ProviderUnavailable,
            }
        };
        let provider =
            self.providers.get(&payment.provider).ok_or(PaymentError::ProviderUnavailable)?;
        let mut names: Vec<String> = payment.provider_payment_id.iter().cloned().collect();
        // sent under several keys, it may by mistake have been made several times
        if names.is_empty() || payment.create_attempt > 1 {
            let found = budget
                .call(provider.find(payment.id, made_until(payment)))
                .await
                .map_err(failed)?;
            let found = found.into_iter().map(|found| found.provider_payment_id);
            names.extend(found.filter(|name| payment.provider_payment_id.as_ref() != Some(name)));
        }
        let mut ended: Option<ProviderPayment> = None;
        for name in &names {
            match budget.call(provider.cancel(name)).await {
                Ok(answer) => {
                    let paid = answer.captured_minor > 0;
                    // ours is the one that was paid, else the one whose name is known
                    if ended.as_ref().is_none_or(|first| paid && first.captured_minor == 0) {
                        ended = Some(answer);
                    }
                }
                Err(ProviderError::NotFound) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(ended)
    }
}

/// Puts what the provider shows before `decide`. The payment is read again under its lock; what
/// was heard meanwhile stands. `asked_at`: the version before the provider was asked, where its
/// answer is not final: nothing happens if the payment has moved since.
pub async fn apply_snapshot(
    conn: &mut Connection,
    payment: &PaymentRow,
    answer: &ProviderPayment,
    (source, asked_at): (Source, Option<i64>),
) -> Result<(), diesel::result::Error> {
    let mut book = Book::open(conn, &payment.provider, &[payment.id], &[]).await?;
    let Some(now) = book.model(payment.id) else { return Ok(()) };
    let (from, version) = (now.status, now.version);
    book.name(payment.id, &answer.provider_payment_id);
    let cause = Cause::own(source, "provider.answer");
    // a cancellation and a capture are final at the provider, so the answer is not outdated by
    // what else was heard while it travelled
    let input = Input::Found(snapshot(answer, asked_at.unwrap_or(version)));
    let decision = book.judge(payment.id, &input, &cause);
    if let Some(decision) = decision.filter(|decision| !matches!(decision, Decision::Ask(_))) {
        book.record(payment.id, from, &decision, &cause);
    }
    book.store(conn).await?;
    let awaited = book.awaited();
    repo::wake_deferred(conn, &awaited, &book.names_of(&awaited)).await.map(drop)
}

/// Nothing of this payment exists at the provider. Not believed of a payment that was named, or
/// about to be asked for again, while the provider was looking for it.
async fn close(
    conn: &mut Connection,
    payment: &PaymentRow,
    source: Source,
) -> Result<(), PaymentError> {
    let mut book = Book::open(conn, &payment.provider, &[payment.id], &[]).await?;
    let Some(now) = book.payment(payment.id) else { return Ok(()) };
    if now.closed {
        return Ok(());
    }
    if in_flight(now) || now.provider_payment_id != payment.provider_payment_id {
        return Err(PaymentError::ProviderUnavailable);
    }
    let Some(from) = book.model(payment.id).map(|model| model.status) else { return Ok(()) };
    let (cause, currency) = (Cause::own(source, "provider.nothing_found"), payment.currency);
    let event = ProviderEvent { kind: EventKind::Canceled, currency, captured_minor: None };
    if let Some(decision) = book.judge(payment.id, &Input::Event(event), &cause) {
        book.record(payment.id, from, &decision, &cause);
    }
    book.store(conn).await?;
    Ok(())
}
