//! A provider's books against ours, for the payments of a stretch of time.
//!
//! Their list is read page by page and matched with our rows by the provider's name, else by our
//! id in the metadata; what we have and they did not list is asked about one by one, because the
//! two do not date a payment alike. Sums are taken over what was matched, so that they differ only
//! where a finding says why. Nothing is changed: whoever reads the report decides.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    api::{Provider, ProviderError, ProviderPayment, ProviderStatus},
    repo::{self, PaymentRow},
};
use crate::{
    kernel::{ids::PaymentId, money::Currency},
    platform::postgres::{Database, DbError},
};

/// Our rows are read in pieces of this size.
const PAGE: i64 = 500;

/// What a comparison has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderReport {
    pub provider: String,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// By currency.
    pub sums: BTreeMap<String, Sums>,
    /// Theirs without ours: lost here, or made twice there.
    pub unknown_here: Vec<Orphan>,
    /// Ours without theirs.
    pub unknown_there: Vec<Orphan>,
    /// In both books, with another amount captured.
    pub different: Vec<Difference>,
}

/// Captured in minor units, and the number of payments, in each of the two books.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    pub ours: i64,
    pub ours_captured_minor: i64,
    pub theirs: i64,
    pub theirs_captured_minor: i64,
}

/// A payment that only one of the two has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orphan {
    pub provider_payment_id: String,
    /// Ours; of theirs, what their metadata say.
    pub payment_id: Option<PaymentId>,
    pub currency: Currency,
    pub captured_minor: i64,
}

/// A payment about which the two disagree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    pub payment_id: PaymentId,
    pub provider_payment_id: String,
    pub ours_captured_minor: i64,
    pub theirs_captured_minor: i64,
}

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

impl ProviderReport {
    /// How many payments are not in both books alike.
    pub fn findings(&self) -> usize {
        self.unknown_here.len() + self.unknown_there.len() + self.different.len()
    }
}

/// Compares the payments made in `[from, to)`.
///
/// # Errors
/// When the provider or the database does not answer: nothing is known then.
pub async fn reconcile_provider(
    database: &Database,
    provider: &dyn Provider,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<ProviderReport, ReconcileError> {
    let report = ProviderReport {
        provider: provider.name().to_owned(),
        from,
        to,
        sums: BTreeMap::new(),
        unknown_here: Vec::new(),
        unknown_there: Vec::new(),
        different: Vec::new(),
    };
    let mut books = Books { database, provider, seen: HashSet::new(), report };
    let mut cursor = None;
    loop {
        let page = provider.payments(from, to, cursor.as_deref()).await?;
        books.match_theirs(&page.payments).await?;
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    books.match_ours().await?;
    Ok(books.report)
}

struct Books<'a> {
    database: &'a Database,
    provider: &'a dyn Provider,
    /// The provider's names of what it has listed.
    seen: HashSet<String>,
    report: ProviderReport,
}

impl Books<'_> {
    async fn match_theirs(&mut self, theirs: &[ProviderPayment]) -> Result<(), ReconcileError> {
        let names: Vec<&str> = theirs.iter().map(|p| p.provider_payment_id.as_str()).collect();
        let ids: Vec<PaymentId> = theirs.iter().filter_map(|p| p.payment_id).collect();
        let mut conn = self.database.conn().await?;
        let rows = repo::find_named(&mut conn, self.provider.name(), &ids, &names).await?;
        for payment in theirs {
            self.seen.insert(payment.provider_payment_id.clone());
            let name = Some(payment.provider_payment_id.as_str());
            let row =
                rows.iter().find(|row| row.provider_payment_id.as_deref() == name).or_else(|| {
                    let nameless = rows.iter().filter(|row| row.provider_payment_id.is_none());
                    nameless.into_iter().find(|row| Some(row.id) == payment.payment_id)
                });
            match row {
                Some(row) => self.compare(row, payment),
                // made beside another one of the same payment, and undone: nobody is owed anything
                None if payment.status == ProviderStatus::Canceled => {}
                None => self.orphan_of_theirs(payment),
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
            for row in &rows {
                let Some(name) = row.provider_payment_id.as_deref() else { continue };
                if self.seen.contains(name) {
                    continue;
                }
                match self.provider.retrieve(name).await {
                    Ok(payment) => self.compare(row, &payment),
                    Err(ProviderError::NotFound) => self.orphan_of_ours(row, name),
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }

    fn compare(&mut self, ours: &PaymentRow, theirs: &ProviderPayment) {
        let sums = self.sums(theirs.currency);
        sums.ours += 1;
        sums.theirs += 1;
        sums.ours_captured_minor += ours.captured_minor;
        sums.theirs_captured_minor += theirs.captured_minor;
        if ours.captured_minor != theirs.captured_minor || ours.currency != theirs.currency {
            self.report.different.push(Difference {
                payment_id: ours.id,
                provider_payment_id: theirs.provider_payment_id.clone(),
                ours_captured_minor: ours.captured_minor,
                theirs_captured_minor: theirs.captured_minor,
            });
        }
    }

    fn orphan_of_theirs(&mut self, payment: &ProviderPayment) {
        let sums = self.sums(payment.currency);
        sums.theirs += 1;
        sums.theirs_captured_minor += payment.captured_minor;
        self.report.unknown_here.push(Orphan {
            provider_payment_id: payment.provider_payment_id.clone(),
            payment_id: payment.payment_id,
            currency: payment.currency,
            captured_minor: payment.captured_minor,
        });
    }

    fn orphan_of_ours(&mut self, row: &PaymentRow, name: &str) {
        let sums = self.sums(row.currency);
        sums.ours += 1;
        sums.ours_captured_minor += row.captured_minor;
        self.report.unknown_there.push(Orphan {
            provider_payment_id: name.to_owned(),
            payment_id: Some(row.id),
            currency: row.currency,
            captured_minor: row.captured_minor,
        });
    }

    fn sums(&mut self, currency: Currency) -> &mut Sums {
        self.report.sums.entry(currency.to_string()).or_default()
    }
}
