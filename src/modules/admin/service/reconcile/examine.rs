//! Comparing the books of the modules with each other, at one instant: every function here runs in
//! the caller's repeatable-read snapshot.

use std::collections::HashSet;

use diesel::QueryResult;
use uuid::Uuid;

use crate::{
    kernel::{
        drift::Drift,
        ids::{CampaignId, PaymentId, PledgeId},
    },
    modules::{
        campaign::api::{admin as campaign, funding},
        payment::api::reconcile as payment,
        pledge::api::reconcile as pledge,
        totals::api::reconcile as totals,
    },
    platform::{event_bus, postgres::Connection},
};

/// What is wrong, and with how many things that were looked at.
pub type Found = (usize, Vec<Drift>);

/// Payments against facts, ledger and history, their pledges' view, and what is counted of them.
pub async fn payments(conn: &mut Connection, ids: &[PaymentId]) -> QueryResult<Found> {
    let (payments, mut drifts) = payment::examine(conn, ids).await?;
    let counted = totals::compare_payments(conn, &payments).await?;
    drifts.extend(unexplained(conn, totals::CONSUMER, counted).await?);
    let known = pledge::compare_payments(conn, &payments).await?;
    drifts.extend(unexplained(conn, pledge::CONSUMER, known).await?);
    Ok((payments.len(), drifts))
}

/// Pledges against what they know of their payments, and what is counted of them.
pub async fn pledges(conn: &mut Connection, ids: &[PledgeId]) -> QueryResult<Found> {
    let (pledges, mut drifts) = pledge::examine(conn, ids).await?;
    let counted = totals::compare_pledges(conn, &pledges).await?;
    drifts.extend(unexplained(conn, totals::CONSUMER, counted).await?);
    Ok((pledges.len(), drifts))
}

/// Campaigns' totals against their parts, the campaign's own words, and its place among the most
/// funded.
pub async fn campaigns(conn: &mut Connection, ids: &[CampaignId]) -> QueryResult<Found> {
    let (campaigns, _): (Vec<_>, Vec<_>) =
        campaign::announced(conn, ids).await?.into_iter().unzip();
    let repeated = totals::compare_terms(conn, &campaigns).await?;
    let mut drifts = unexplained(conn, totals::CONSUMER, repeated).await?;
    drifts.extend(totals::compare_sums(conn, ids).await?);
    let raised = totals::announced(conn, ids).await?;
    let placed = funding::compare_funding(conn, &raised).await?;
    drifts.extend(unexplained(conn, funding::CONSUMER, placed).await?);
    Ok((campaigns.len(), drifts))
}

/// Payments that are counted and do not exist.
pub async fn counted_payments(
    conn: &mut Connection,
    counted: &[(PaymentId, CampaignId)],
) -> QueryResult<Vec<Drift>> {
    let ids: Vec<PaymentId> = counted.iter().map(|(id, _)| *id).collect();
    let existing: HashSet<_> = payment::existing(conn, &ids).await?.into_iter().collect();
    let orphans = counted.iter().filter(|(id, _)| !existing.contains(id));
    let orphan = |(id, campaign): &(PaymentId, CampaignId)| {
        Drift::new("contribution_payment", "counted, and there is no such payment")
            .of(*campaign, *id)
    };
    Ok(orphans.map(orphan).collect())
}

/// Pledges that are counted and do not exist.
pub async fn counted_pledges(
    conn: &mut Connection,
    counted: &[(PledgeId, CampaignId)],
) -> QueryResult<Vec<Drift>> {
    let ids: Vec<PledgeId> = counted.iter().map(|(id, _)| *id).collect();
    let existing: HashSet<_> = pledge::existing(conn, &ids).await?.into_iter().collect();
    let orphans = counted.iter().filter(|(id, _)| !existing.contains(id));
    let orphan = |(id, campaign): &(PledgeId, CampaignId)| {
        Drift::new("contribution_pledge", "counted, and there is no such pledge").of(*campaign, *id)
    };
    Ok(orphans.map(orphan).collect())
}

/// What concerns no single thing.
pub async fn whole(conn: &mut Connection) -> QueryResult<Vec<Drift>> {
    let mut drifts = payment::examine_whole(conn).await?;
    drifts.extend(event_bus::examine(conn).await?);
    Ok(drifts)
}

/// Those drifts that no event explains which the consumer has yet to apply.
async fn unexplained(
    conn: &mut Connection,
    consumer: &str,
    drifts: Vec<Drift>,
) -> QueryResult<Vec<Drift>> {
    let ids: Vec<Uuid> = drifts.iter().filter_map(|drift| drift.id).collect();
    let explained = event_bus::unconsumed(conn, consumer, &ids).await?;
    let unexplained = |drift: &Drift| drift.id.is_none_or(|id| !explained.contains(&id));
    Ok(drifts.into_iter().filter(unexplained).collect())
}
