//! Our refunds against what was asked for and what the provider has said of them. What may still
//! be given back is reckoned from these rows, so none may be missing, or say anything else.
//!
//! A refund that was made at the bank has a fact and, by design, no row of ours.

use std::collections::HashMap;

use diesel::QueryResult;

use super::super::{
    model::{Facts, RefundFact},
    repo::RefundRow,
    repo::refund_books::{refunds_asked, refunds_of},
};
use crate::{
    kernel::{drift::Drift, ids::PaymentId},
    modules::payment::events::PaymentChanged,
    platform::postgres::Connection,
};

/// What is stored of the refunds of some payments, and what their history tells.
pub struct Refunds {
    rows: HashMap<PaymentId, Vec<RefundRow>>,
    /// How many were reserved, and how many of those refused.
    asked: HashMap<PaymentId, (i64, i64)>,
}

impl Refunds {
    pub async fn of(conn: &mut Connection, ids: &[PaymentId]) -> QueryResult<Self> {
        let mut rows: HashMap<_, Vec<_>> = HashMap::new();
        for row in refunds_of(conn, ids).await? {
            rows.entry(row.payment_id).or_default().push(row);
        }
        let asked = refunds_asked(conn, ids).await?.into_iter();
        Ok(Self { rows, asked: asked.map(|a| (a.payment_id, (a.requested, a.refused))).collect() })
    }

    /// Where the payment's refunds differ from its history, from what was asked for, and from the
    /// facts.
    pub fn differences(&mut self, payment: &PaymentChanged, facts: &Facts) -> Vec<Drift> {
        let rows = self.rows.remove(&payment.payment_id).unwrap_or_default();
        let asked = self.asked.remove(&payment.payment_id).unwrap_or_default();
        let told = rows.iter().filter_map(|row| difference(row, facts));
        let drift =
            |detail| Drift::new("refund_facts", detail).of(payment.campaign_id, payment.payment_id);
        told.chain(miscounted(&rows, facts, asked)).map(drift).collect()
    }
}

fn fact_of<'a>(row: &RefundRow, facts: &'a Facts) -> Option<&'a RefundFact> {
    facts.refunds.get(row.provider_refund_id.as_ref()?)
}

/// Each row came with a line of the history, and so did each refusal: what failed without a fact was
/// refused.
fn miscounted(rows: &[RefundRow], facts: &Facts, asked: (i64, i64)) -> Option<String> {
    let refused = |row: &&RefundRow| row.status == "failed" && fact_of(row, facts).is_none();
    let stored = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let failed = i64::try_from(rows.iter().filter(refused).count()).unwrap_or(i64::MAX);
    (stored != asked.0 || failed > asked.1).then(|| {
        format!(
            "there are {stored} refunds, {failed} of them refused; the history tells of {} and {}",
            asked.0, asked.1
        )
    })
}

/// A refund is of what was asked for, and decided as the facts say; without a fact it is on its way,
/// or was refused.
fn difference(row: &RefundRow, facts: &Facts) -> Option<String> {
    let RefundRow { id, status, amount_minor, currency, request, .. } = row;
    let fact = fact_of(row, facts);
    let expected = match (fact, &row.provider_refund_id) {
        (Some(fact), _) => fact.state().as_str(),
        (None, _) if status == "failed" => "failed",
        (None, Some(_)) => "pending",
        (None, None) => "requested",
    };
    let as_asked = request["amount_minor"] == *amount_minor
        && request["currency"] == currency.to_string()
        && fact.is_none_or(|fact| fact.amount_minor == *amount_minor);
    (status != expected || !as_asked).then(|| {
        format!(
            "refund {id} is {status}, {amount_minor} {currency}; asked for were {} {}, and it is \
             {expected}, {}",
            request["amount_minor"],
            request["currency"],
            fact.map_or_else(|| "no fact tells".to_owned(), |fact| fact.amount_minor.to_string()),
        )
    })
}
