//! Applying a batch of webhooks in one transaction.

use std::slice;

use diesel::QueryResult;

use super::{
    super::{
        api::{Provider, WebhookEvent, WebhookKind},
        book::{Book, Cause, Source},
        model::{Decision, Input, ProviderEvent},
        repo::{self, InboxRow},
    },
    outcome::{Applied, Undecided, Verdict},
    reread::read_again,
    translate::provider_event,
};
use crate::{kernel::ids::PaymentId, platform::postgres::Connection};

/// Applies webhooks of one provider, which the caller has locked.
pub async fn apply(
    conn: &mut Connection,
    provider: &dyn Provider,
    rows: &[InboxRow],
) -> QueryResult<Applied> {
    let mut outcome = Applied::default();
    let events = read_again(conn, provider, rows, &mut outcome).await?;
    let mut book = open(conn, provider, &events).await?;
    // an event that cannot be applied yet may only wait for a later one of the same batch
    let mut waiting = Vec::new();
    for (row, event) in &events {
        match put(&mut book, row, event) {
            Verdict::Later { .. } => waiting.push((*row, event)),
            verdict @ Verdict::Done { .. } => outcome.note(&mut book, row, verdict),
        }
    }
    for (row, event) in waiting {
        let verdict = put(&mut book, row, event);
        outcome.note(&mut book, row, verdict);
    }
    finish(conn, &book, &mut outcome).await?;
    Ok(outcome)
}

/// The book on the payments that the events name.
async fn open(
    conn: &mut Connection,
    provider: &dyn Provider,
    events: &[(&InboxRow, WebhookEvent)],
) -> QueryResult<Book> {
    let ids: Vec<PaymentId> = events.iter().filter_map(|(_, event)| event.payment_id).collect();
    let names: Vec<&str> =
        events.iter().filter_map(|(_, event)| event.provider_payment_id.as_deref()).collect();
    Book::open(conn, provider.name(), &ids, &names).await
}

/// Writes the book, then the inbox, then wakes what waited for what has happened.
async fn finish(conn: &mut Connection, book: &Book, outcome: &mut Applied) -> QueryResult<()> {
    outcome.published = book.store(conn).await?;
    repo::settle_inbox(conn, &outcome.settled).await?;
    let awaited = book.awaited();
    if !awaited.is_empty() {
        outcome.woken = repo::wake_deferred(conn, &awaited, &book.names_of(&awaited)).await? > 0;
    }
    Ok(())
}

/// Applies one event together with the provider's answer about it.
pub async fn apply_answered(
    conn: &mut Connection,
    provider: &dyn Provider,
    row: &InboxRow,
    input_of: impl FnOnce(ProviderEvent) -> Input,
) -> QueryResult<Applied> {
    let mut outcome = Applied::default();
    let events = read_again(conn, provider, slice::from_ref(row), &mut outcome).await?;
    let mut book = open(conn, provider, &events).await?;
    if let Some((row, event)) = events.first() {
        let verdict = match find(&book, row, event) {
            Ok(id) => judge(&mut book, row, event, id, input_of),
            Err(verdict) => verdict,
        };
        outcome.note(&mut book, row, verdict);
    }
    finish(conn, &book, &mut outcome).await?;
    Ok(outcome)
}

fn put(book: &mut Book, row: &InboxRow, event: &WebhookEvent) -> Verdict {
    match find(book, row, event) {
        Ok(id) => judge(book, row, event, id, Input::Event),
        // the account may serve other applications
        Err(Verdict::Later { .. }) if event.foreign => {
            Verdict::Done { status: "ignored", reason: Some("not_ours".to_owned()) }
        }
        // providers tell of much that is not about payments
        Err(Verdict::Later { .. }) if matches!(event.kind, WebhookKind::Unknown) => {
            Verdict::Done { status: "ignored", reason: Some("unknown_type".to_owned()) }
        }
        Err(verdict) => verdict,
    }
}

/// By the provider's payment id, else by ours in the metadata. If they disagree, it is no event of
/// either payment.
fn find(book: &Book, row: &InboxRow, event: &WebhookEvent) -> Result<PaymentId, Verdict> {
    let conflict =
        || Verdict::Done { status: "quarantined", reason: Some("conflicting_ids".to_owned()) };
    let name = event.provider_payment_id.as_deref();
    let by_name = name.and_then(|name| book.by_name(name));
    let by_id = event
        .payment_id
        .and_then(|id| book.payment(id))
        .filter(|payment| payment.provider == row.provider);
    match (by_name, by_id) {
        (Some(named), Some(payment)) if payment.id != named => Err(conflict()),
        (Some(named), _) => Ok(named),
        (None, Some(payment)) => match &payment.provider_payment_id {
            Some(known) if name.is_some_and(|name| name != known) => Err(conflict()),
            _ => Ok(payment.id),
        },
        (None, None) => {
            Err(Verdict::Later { reason: "payment_unknown".to_owned(), decision: None })
        }
    }
}

fn judge(
    book: &mut Book,
    row: &InboxRow,
    event: &WebhookEvent,
    id: PaymentId,
    input_of: impl FnOnce(ProviderEvent) -> Input,
) -> Verdict {
    let (Some(payment), Some(model)) = (book.payment(id), book.model(id)) else {
        return Verdict::Later { reason: "payment_unknown".to_owned(), decision: None };
    };
    let from = model.status;
    let cause = cause(row, event);
    let input = match provider_event(event, payment.currency) {
        Ok(Some(event)) => input_of(event),
        Ok(None) => {
            book.record(id, from, &Decision::Ignored, &cause);
            return Verdict::Done { status: "ignored", reason: Some("unknown_type".to_owned()) };
        }
        Err(rejection) => {
            book.record(id, from, &Decision::Quarantined(rejection), &cause);
            let reason = Some(rejection.as_str().to_owned());
            return Verdict::Done { status: "quarantined", reason };
        }
    };
    let decision = book.judge(id, &input, &cause).unwrap_or(Decision::Ignored);
    // what is wrong in one respect is not believed in another
    let credible = !matches!(decision, Decision::Quarantined(_));
    if let Some(name) = event.provider_payment_id.as_deref().filter(|_| credible) {
        book.name(id, name);
    }
    let reason = decision.reason().map(str::to_owned);
    let status = match decision {
        Decision::Applied(_) => "applied",
        Decision::Stale(_) | Decision::Duplicate | Decision::Ignored => "ignored",
        Decision::Quarantined(_) => "quarantined",
        Decision::Deferred(_) | Decision::Ask(_) => {
            let reason = reason.unwrap_or_default();
            let decision = Some(Box::new(Undecided { id, from, decision, cause }));
            return Verdict::Later { reason, decision };
        }
    };
    if let WebhookKind::RefundSucceeded { refund_ref, refund_id, .. }
    | WebhookKind::RefundFailed { refund_ref, refund_id, .. } = &event.kind
        && credible
    {
        book.hear_refund(id, refund_ref, *refund_id);
    }
    book.record(id, from, &decision, &cause);
    let reason = reason.or_else(|| (status == "ignored").then(|| decision.as_str().to_owned()));
    Verdict::Done { status, reason }
}

fn cause(row: &InboxRow, event: &WebhookEvent) -> Cause {
    Cause {
        source: Source::Webhook,
        event: event.event_type.clone(),
        provider_event_id: Some(event.event_id.clone()),
        occurred_at: event.occurred_at.unwrap_or(row.received_at),
        trace: row.trace_context.as_deref().and_then(|trace| trace.parse().ok()),
    }
}
