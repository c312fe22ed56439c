//! The book: locked payments, judged in memory, stored in a handful of statements.
//!
//! Whoever has heard something about payments (webhook, API, sweeper) opens the book on them,
//! which locks their rows, puts each input before [`decide`], and closes the book, which writes
//! everything that followed: payments, facts, ledger, history and events, in the same transaction.
//! One input or a batch of hundreds costs the same number of statements.

mod cause;
mod tally;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::QueryResult;

pub use cause::{Cause, Source};
use tally::Tally;

use super::{
    events::{PAYMENT_CHANGED, PaymentChanged},
    model::{
        Applied, Decision, FactKind, Facts, Input, Payment, PaymentStatus, UnknownWord, decide,
    },
    repo::{self, HistoryRow, NewEntry, NewFact, PaymentRow, RefundNews},
};
use crate::{
    kernel::{
        clock,
        ids::{PaymentId, RefundId},
        money::Money,
    },
    platform::{
        event_bus::{NewEvent, Payload, publish},
        postgres::Connection,
        telemetry::TraceContext,
    },
};

struct Page {
    row: PaymentRow,
    model: Payment,
    /// The trace of the last input that changed it.
    trace: Option<TraceContext>,
}

/// Locked payments and what has been decided about them.
pub struct Book {
    pages: BTreeMap<PaymentId, Page>,
    by_name: HashMap<String, PaymentId>,
    changed: BTreeSet<PaymentId>,
    named: BTreeSet<PaymentId>,
    paid: BTreeSet<PaymentId>,
    tallies: Vec<Tally>,
    facts: Vec<NewFact>,
    ledger: Vec<NewEntry>,
    history: Vec<HistoryRow>,
    refunds: Vec<(PaymentId, String, Option<RefundId>)>,
    now: DateTime<Utc>,
}

impl Book {
    /// Locks the payments with these ids, or with these names at `provider`.
    pub async fn open(
        conn: &mut Connection,
        provider: &str,
        ids: &[PaymentId],
        names: &[&str],
    ) -> QueryResult<Self> {
        let rows = repo::lock_named(conn, ids, provider, names).await?;
        Self::of(conn, rows).await
    }

    async fn of(conn: &mut Connection, rows: Vec<PaymentRow>) -> QueryResult<Self> {
        let ids: Vec<PaymentId> = rows.iter().map(|row| row.id).collect();
        let mut facts = repo::facts_of(conn, &ids).await?;
        let mut book = Self {
            pages: BTreeMap::new(),
            by_name: HashMap::new(),
            changed: BTreeSet::new(),
            named: BTreeSet::new(),
            paid: BTreeSet::new(),
            tallies: Vec::new(),
            facts: Vec::new(),
            ledger: Vec::new(),
            history: Vec::new(),
            refunds: Vec::new(),
            now: clock::now(),
        };
        for row in rows {
            let model = model_of(&row, &facts.remove(&row.id).unwrap_or_default())?;
            if let Some(name) = &row.provider_payment_id {
                book.by_name.insert(name.clone(), row.id);
            }
            book.pages.insert(row.id, Page { row, model, trace: None });
        }
        Ok(book)
    }

    pub fn payment(&self, id: PaymentId) -> Option<&PaymentRow> {
        self.pages.get(&id).map(|page| &page.row)
    }

    pub fn model(&self, id: PaymentId) -> Option<&Payment> {
        self.pages.get(&id).map(|page| &page.model)
    }

    pub fn by_name(&self, name: &str) -> Option<PaymentId> {
        self.by_name.get(name).copied()
    }

    /// Takes over the provider's name for a payment whose creation we have not been told of yet.
    pub fn name(&mut self, id: PaymentId, name: &str) {
        if let Some(page) = self.pages.get_mut(&id)
            && page.row.provider_payment_id.is_none()
        {
            page.row.provider_payment_id = Some(name.to_owned());
            self.by_name.insert(name.to_owned(), id);
            self.named.insert(id);
        }
    }

    /// Puts one input before `decide`. Questions are not recorded: an answer follows.
    pub fn judge(&mut self, id: PaymentId, input: &Input, cause: &Cause) -> Option<Decision> {
        let page = self.pages.get_mut(&id)?;
        let decision = decide(&page.model, input);
        let from = page.model.status;
        if let Decision::Applied(applied) = &decision {
            for fact in &applied.facts {
                if fact.kind == FactKind::Refund {
                    self.refunds.push((id, fact.reference.clone(), None));
                }
                let (fact, provider_event_id) = (fact.clone(), cause.provider_event_id.clone());
                self.facts.push(NewFact { payment_id: id, fact, provider_event_id });
            }
            for delta in &applied.ledger {
                let (version, currency) = (applied.next.version, page.row.currency);
                self.ledger.push(NewEntry { payment_id: id, version, delta: *delta, currency });
            }
            if !from.is_paid() && applied.next.status.is_paid() {
                self.paid.insert(id);
            }
            let captured_before = page.row.captured_minor;
            page.advance(applied, self.now, cause.trace);
            self.changed.insert(id);
            self.tallies.push(Tally::of(applied, &page.row, captured_before));
        }
        Some(decision)
    }

    /// The provider has spoken of this refund, which is `refund_id` of ours, if it said so.
    pub fn hear_refund(&mut self, id: PaymentId, reference: &str, refund_id: Option<RefundId>) {
        self.refunds.push((id, reference.to_owned(), refund_id));
    }

    /// What the facts make of the refunds that were spoken of.
    fn refund_news(&self) -> Vec<RefundNews> {
        let news = self.refunds.iter().filter_map(|(payment_id, reference, refund_id)| {
            let refund = self.model(*payment_id)?.facts.refunds.get(reference);
            Some(RefundNews {
                payment_id: *payment_id,
                provider_refund_id: reference.clone(),
                refund_id: *refund_id,
                status: refund.map_or("pending", |refund| refund.state().as_str()),
            })
        });
        news.collect()
    }

    /// Adds the row of a decision to the history.
    pub fn record(
        &mut self,
        id: PaymentId,
        from: PaymentStatus,
        decision: &Decision,
        cause: &Cause,
    ) {
        let Some(page) = self.pages.get(&id) else { return };
        self.history.push(HistoryRow {
            id: 0,
            payment_id: id,
            version: page.row.version,
            from_status: Some(from.as_str().to_owned()),
            to_status: page.row.status.clone(),
            event: cause.event.clone(),
            source: cause.source.as_str().to_owned(),
            provider_event_id: cause.provider_event_id.clone(),
            decision: decision.as_str().to_owned(),
            reason: decision.reason().map(str::to_owned),
            captured_minor: page.row.captured_minor,
            refunded_minor: page.row.refunded_minor,
            disputed_minor: page.row.disputed_minor,
            trace_id: cause.trace.map(|trace| trace.trace_id()),
            occurred_at: cause.occurred_at,
            recorded_at: self.now,
        });
    }

    /// Payments that were paid, or named by their provider, while the book was open: deferred
    /// webhooks may have waited for it.
    pub fn awaited(&self) -> Vec<PaymentId> {
        self.paid.union(&self.named).copied().collect()
    }

    pub fn names_of(&self, ids: &[PaymentId]) -> Vec<&str> {
        let rows = ids.iter().filter_map(|id| self.payment(*id));
        rows.filter_map(|row| row.provider_payment_id.as_deref()).collect()
    }

    /// Writes all that followed. Returns whether there is an event to be told of.
    pub async fn store(&self, conn: &mut Connection) -> QueryResult<bool> {
        let touched: Vec<&PaymentRow> =
            self.changed.union(&self.named).filter_map(|id| self.payment(*id)).collect();
        if !touched.is_empty() {
            repo::update_many(conn, &touched).await?;
        }
        repo::insert_facts(conn, &self.facts, self.now).await?;
        repo::insert_ledger(conn, &self.ledger, self.now).await?;
        repo::insert_history(conn, &self.history).await?;
        repo::follow_refunds(conn, &self.refund_news(), self.now).await?;
        let changed = self.changed.iter().filter_map(|id| self.pages.get(id));
        let events = changed.map(|page| event(&page.row, page.trace));
        let events = events.collect::<QueryResult<Vec<NewEvent>>>()?;
        publish(conn, &events).await?;
        self.tallies.iter().for_each(Tally::count);
        Ok(!events.is_empty())
    }
}

impl Page {
    fn advance(&mut self, applied: &Applied, now: DateTime<Utc>, trace: Option<TraceContext>) {
        let amounts = applied.next.amounts();
        applied.next.status.as_str().clone_into(&mut self.row.status);
        self.row.closed = applied.next.closed;
        self.row.captured_minor = amounts.captured_minor;
        self.row.refunded_minor = amounts.refunded_minor;
        self.row.disputed_minor = amounts.disputed_minor;
        self.row.amount_mismatch = applied.next.amount_mismatch();
        self.row.updated_at = now;
        self.row.version = applied.next.version;
        self.model = applied.next.clone();
        self.trace = trace;
    }
}

fn model_of(row: &PaymentRow, facts: &[super::model::FactRow]) -> QueryResult<Payment> {
    let unreadable = |error: Box<dyn std::error::Error + Send + Sync>| {
        diesel::result::Error::DeserializationError(error)
    };
    let facts = Facts::from_rows(facts)
        .map_err(|conflict| unreadable(format!("payment {}: {conflict}", row.id).into()))?;
    let status =
        row.status.parse::<PaymentStatus>().map_err(|e: UnknownWord| unreadable(Box::new(e)))?;
    let expected = Money::new(row.amount_minor, row.currency);
    Ok(Payment { version: row.version, status, closed: row.closed, expected, facts })
}

/// The event that tells of a payment as it now is.
pub fn event(row: &PaymentRow, trace: Option<TraceContext>) -> QueryResult<NewEvent> {
    let payload = PaymentChanged {
        payment_id: row.id,
        pledge_id: row.pledge_id,
        campaign_id: row.campaign_id,
        version: row.version,
        status: row.status.clone(),
        currency: row.currency,
        captured_minor: row.captured_minor,
        refunded_minor: row.refunded_minor,
        disputed_minor: row.disputed_minor,
        donor_hash: row.donor_hash.clone(),
    };
    Ok(NewEvent {
        partition_key: row.campaign_id.into(),
        aggregate_id: row.id.into(),
        aggregate_version: row.version,
        event_type: PAYMENT_CHANGED,
        payload: Payload::of(&payload)?,
        trace_context: trace.map(|trace| trace.to_string()),
    })
}
