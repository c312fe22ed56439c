//! A walk through all books, in steps: each reads a page, in a snapshot of its own, and tells where
//! the next one begins. So a walk can be left and taken up again, and what it costs at once is
//! bounded.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    CAMPAIGNS, PAGE, SUMMED,
    examine::{self, Found},
    snapshot,
};
use crate::{
    kernel::ids::{CampaignId, PaymentId, PledgeId},
    modules::{
        admin::{error::AdminError, report::Report},
        campaign::api::admin as campaign,
        payment::api::reconcile as payment,
        pledge::api::reconcile as pledge,
        totals::api::reconcile as totals,
    },
    platform::postgres::Connection,
};

/// How fast a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Somebody waits for its end.
    AtOnce,
    /// Donors go first.
    Gentle,
}

impl Pace {
    /// Rests after a step that took so long: a gentle walk works a quarter of the time.
    pub async fn rest(self, took: Duration) {
        if self == Self::Gentle {
            tokio::time::sleep(3 * took).await;
        }
    }
}

/// What a step reads, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Books {
    Payments,
    Pledges,
    Campaigns,
    /// What is counted and does not exist. Rows are never deleted, so one that is counted exists
    /// at any later instant.
    CountedPayments,
    CountedPledges,
    /// The ledger and all payments, summed up.
    Sums,
    /// What concerns no single thing.
    Whole,
}

/// Where a walk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    books: Books,
    after: Option<Uuid>,
}

impl Place {
    pub const START: Self = Self::at(Books::Payments);

    const fn at(books: Books) -> Self {
        Self { books, after: None }
    }

    const fn next_books(self) -> Option<Self> {
        Some(Self::at(match self.books {
            Books::Payments => Books::Pledges,
            Books::Pledges => Books::Campaigns,
            Books::Campaigns => Books::CountedPayments,
            Books::CountedPayments => Books::CountedPledges,
            Books::CountedPledges => Books::Sums,
            Books::Sums => Books::Whole,
            Books::Whole => return None,
        }))
    }
}

/// Compares a page, and returns where the next begins.
pub async fn step(
    conn: &mut Connection,
    place: Place,
    report: &mut Report,
) -> Result<Option<Place>, AdminError> {
    let last = match place.books {
        Books::Payments => {
            let ids = payment::ids_after(conn, place.after.map(PaymentId), PAGE.into()).await?;
            report.payments_checked += payments(conn, &ids, report).await?;
            ids.last().map(|id| id.0)
        }
        Books::Pledges => {
            let ids = pledge::ids_after(conn, place.after.map(PledgeId), PAGE.into()).await?;
            report.pledges_checked += pledges(conn, &ids, report).await?;
            ids.last().map(|id| id.0)
        }
        Books::Campaigns => {
            let ids =
                campaign::ids_after(conn, place.after.map(CampaignId), CAMPAIGNS.into()).await?;
            report.campaigns_checked += campaigns(conn, &ids, report).await?;
            ids.last().map(|id| id.0)
        }
        Books::CountedPayments => {
            let after = place.after.map(PaymentId);
            let counted = totals::contributions_after(conn, after, PAGE.into()).await?;
            report.add(examine::counted_payments(conn, &counted).await?);
            counted.last().map(|(id, _)| id.0)
        }
        Books::CountedPledges => {
            let counted =
                totals::pledges_after(conn, place.after.map(PledgeId), PAGE.into()).await?;
            report.add(examine::counted_pledges(conn, &counted).await?);
            counted.last().map(|(id, _)| id.0)
        }
        Books::Sums => {
            let after = place.after.map(PaymentId);
            let (last, drifts) =
                snapshot!(conn, async |conn| payment::examine_sums(conn, after, SUMMED).await);
            report.add(drifts);
            last.map(|id| id.0)
        }
        Books::Whole => {
            report.add(snapshot!(conn, async |conn| examine::whole(conn).await));
            None
        }
    };
    Ok(match last {
        Some(last) => Some(Place { after: Some(last), ..place }),
        None => place.next_books(),
    })
}

/// Compares these payments, and returns how many of them there are.
pub async fn payments(
    conn: &mut Connection,
    ids: &[PaymentId],
    report: &mut Report,
) -> Result<u64, AdminError> {
    let found = snapshot!(conn, async |conn| examine::payments(conn, ids).await);
    report.open.payments.extend(found.open.iter().filter_map(|drift| drift.id.map(PaymentId)));
    Ok(take(found, report))
}

/// Compares these pledges, and returns how many of them there are.
pub async fn pledges(
    conn: &mut Connection,
    ids: &[PledgeId],
    report: &mut Report,
) -> Result<u64, AdminError> {
    let found = snapshot!(conn, async |conn| examine::pledges(conn, ids).await);
    report.open.pledges.extend(found.open.iter().filter_map(|drift| drift.id.map(PledgeId)));
    Ok(take(found, report))
}

/// Compares these campaigns, and returns how many of them there are.
pub async fn campaigns(
    conn: &mut Connection,
    ids: &[CampaignId],
    report: &mut Report,
) -> Result<u64, AdminError> {
    let found = snapshot!(conn, async |conn| examine::campaigns(conn, ids).await);
    report.open.terms.extend(found.open.iter().filter_map(|drift| drift.campaign_id));
    Ok(take(found, report))
}

fn take(found: Found, report: &mut Report) -> u64 {
    report.open.campaigns.extend(found.open.iter().filter_map(|drift| drift.campaign_id));
    report.add(found.drifts);
    found.looked_at as u64
}
