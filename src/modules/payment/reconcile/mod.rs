//! A provider's books against ours, over a stretch of time: payments made in it, and whatever was
//! refunded or disputed in it, of payments of any age.
//!
//! What went back is compared first: the provider names the payments, and so do our facts, and each
//! is asked for with its refunds and disputes. Then its list of payments is read page by page and
//! matched with our rows by the provider's name, else by our id in the metadata; what we have and
//! they did not list is asked about one by one, because the two do not date a payment alike.
//!
//! Money moves while the books are read. So nothing is told at the first look: whatever differs is
//! looked at again when the time in which webhooks settle has passed, and what differs then as well
//! is found. Sums are taken over what was compared, so that they differ only where a finding says
//! why. Nothing is changed: whoever reads the report decides.

mod compare;
mod report;

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use chrono::{DateTime, Utc};

use self::compare::{Finding, Pair, Returned};
use super::{
    api::{Provider, ProviderError, ProviderPayment},
    model::Facts,
    repo::{self, PaymentRow},
};
use crate::{
    kernel::ids::PaymentId,
    platform::postgres::{Connection, Database, DbError},
};

pub use report::{Difference, Orphan, ProviderReport, ReturnDifference, ReturnKind, Sums, Word};

/// Our rows are read in pieces of this size.
const PAGE: i64 = 500;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for ReconcileError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Compares what was made, refunded or disputed in `[from, to)`. What differs is looked at again
/// after `settle`.
///
/// # Errors
/// When the provider or the database does not answer: nothing is known then.
pub async fn reconcile_provider(
    database: &Database,
    provider: &dyn Provider,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    settle: Duration,
) -> Result<ProviderReport, ReconcileError> {
    let report = ProviderReport::new(provider.name(), (from, to));
    let mut books =
        Books { database, provider, seen: HashSet::new(), suspects: Vec::new(), report };
    books.match_returned().await?;
    books.match_theirs().await?;
    books.match_ours().await?;
    books.look_again(settle).await?;
    Ok(books.report)
}

/// A payment that differed at the first look.
struct Suspect {
    name: String,
    /// Ours, or what the provider's metadata say.
    id: Option<PaymentId>,
    findings: HashSet<(&'static str, String)>,
}

struct Books<'a> {
    database: &'a Database,
    provider: &'a dyn Provider,
    /// The provider's names of what was compared.
    seen: HashSet<String>,
    suspects: Vec<Suspect>,
    report: ProviderReport,
}

impl Books<'_> {
    /// Payments of which something went back, by either book.
    async fn match_returned(&mut self) -> Result<(), ReconcileError> {
        let (from, to) = (self.report.from, self.report.to);
        let mut names = BTreeSet::new();
        let mut cursor = None;
        loop {
            let page = self.provider.returned(from, to, cursor.as_deref()).await?;
            names.extend(page.provider_payment_ids);
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        let mut conn = self.database.conn().await?;
        names.extend(repo::returned_in(&mut conn, self.provider.name(), (from, to)).await?);
        drop(conn);
        for name in names {
            let mut conn = self.database.conn().await?;
            // on the same account, others may have payments too
            let known = repo::find_named(&mut conn, self.provider.name(), &[], &[&name]).await?;
            drop(conn);
            if !known.is_empty() {
                let pair = self.look(&name, None).await?;
                self.judge(name, &pair);
            }
        }
        Ok(())
    }

    async fn match_theirs(&mut self) -> Result<(), ReconcileError> {
        let (from, to) = (self.report.from, self.report.to);
        let mut cursor = None;
        loop {
            let page = self.provider.payments(from, to, cursor.as_deref()).await?;
            self.match_page(page.payments).await?;
            cursor = page.cursor;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    async fn match_page(&mut self, theirs: Vec<ProviderPayment>) -> Result<(), ReconcileError> {
        let names: Vec<&str> = theirs.iter().map(|p| p.provider_payment_id.as_str()).collect();
        let ids: Vec<PaymentId> = theirs.iter().filter_map(|p| p.payment_id).collect();
        let mut conn = self.database.conn().await?;
        let rows = repo::find_named(&mut conn, self.provider.name(), &ids, &names).await?;
        drop(conn);
        for payment in theirs {
            let name = payment.provider_payment_id.clone();
            if !self.seen.contains(&name) {
                let ours = named(&rows, &name, payment.payment_id).cloned();
                self.judge(name, &Pair { ours, theirs: Some(payment), returned: None });
            }
        }
        Ok(())
    }

    /// Asks about those of ours that were not listed.
    async fn match_ours(&mut self) -> Result<(), ReconcileError> {
        let mut after = None;
        loop {
            let (name, from, to) = (self.provider.name(), self.report.from, self.report.to);
            let mut conn = self.database.conn().await?;
            let rows = repo::page_made_in(&mut conn, name, (from, to), after, PAGE).await?;
            drop(conn);
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.id);
            for row in rows {
                let Some(name) = row.provider_payment_id.clone() else { continue };
                if !self.seen.contains(&name) {
                    let theirs = self.retrieve(&name).await?;
                    self.judge(name, &Pair { ours: Some(row), theirs, returned: None });
                }
            }
        }
    }

    /// What the two have of one payment, now: the provider first, for what it says is told to us
    /// later.
    async fn look(&self, name: &str, id: Option<PaymentId>) -> Result<Pair, ReconcileError> {
        let theirs = self.retrieve(name).await?;
        let id = id.or_else(|| theirs.as_ref()?.payment_id);
        let ids: Vec<PaymentId> = id.into_iter().collect();
        let mut conn = self.database.conn().await?;
        let rows = repo::find_named(&mut conn, self.provider.name(), &ids, &[name]).await?;
        let ours = named(&rows, name, id).cloned();
        let returned = match (&ours, theirs.as_ref().and_then(compare::theirs)) {
            (Some(ours), Some(theirs)) => Some((gone_back(&mut conn, ours.id).await?, theirs)),
            _ => None,
        };
        Ok(Pair { ours, theirs, returned })
    }

    async fn retrieve(&self, name: &str) -> Result<Option<ProviderPayment>, ReconcileError> {
        match self.provider.retrieve(name).await {
            Ok(payment) => Ok(Some(payment)),
            Err(ProviderError::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The first look at a payment: what is alike is counted, the rest is looked at again.
    fn judge(&mut self, name: String, pair: &Pair) {
        self.seen.insert(name.clone());
        let findings: HashSet<_> = pair.findings().iter().map(Finding::about).collect();
        if findings.is_empty() {
            pair.sum(&mut self.report.sums);
        } else {
            let theirs = || pair.theirs.as_ref()?.payment_id;
            let id = pair.ours.as_ref().map(|row| row.id).or_else(theirs);
            self.suspects.push(Suspect { name, id, findings });
        }
    }

    async fn look_again(&mut self, settle: Duration) -> Result<(), ReconcileError> {
        let suspects = std::mem::take(&mut self.suspects);
        if !suspects.is_empty() {
            tokio::time::sleep(settle).await;
        }
        for suspect in suspects {
            let pair = self.look(&suspect.name, suspect.id).await?;
            pair.sum(&mut self.report.sums);
            let still = pair
                .findings()
                .into_iter()
                .filter(|found| suspect.findings.contains(&found.about()));
            still.for_each(|found| found.report(&mut self.report));
        }
        Ok(())
    }
}

/// By its name, else, if it has none yet, by its identity.
fn named<'a>(rows: &'a [PaymentRow], name: &str, id: Option<PaymentId>) -> Option<&'a PaymentRow> {
    let by_name = rows.iter().find(|row| row.provider_payment_id.as_deref() == Some(name));
    by_name.or_else(|| {
        let mut nameless = rows.iter().filter(|row| row.provider_payment_id.is_none());
        nameless.find(|row| Some(row.id) == id)
    })
}

/// What went back of a payment, by our book.
async fn gone_back(
    conn: &mut Connection,
    id: PaymentId,
) -> Result<Returned, diesel::result::Error> {
    let rows = repo::facts_of(conn, &[id]).await?.remove(&id).unwrap_or_default();
    let facts = Facts::from_rows(&rows).map_err(|conflict| {
        let text = format!("payment {id}: {conflict}");
        diesel::result::Error::DeserializationError(text.into())
    })?;
    Ok(compare::ours(&facts, &repo::pending_refunds(conn, id).await?))
}
