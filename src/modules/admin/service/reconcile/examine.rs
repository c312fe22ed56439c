//! Comparing the books of the modules with each other, at one instant: every function here runs in
//! the caller's repeatable-read snapshot.

use std::collections::{BTreeSet, HashSet};

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

/// What a comparison came to.
#[derive(Default)]
pub struct Found {
    /// How many things were looked at.
    pub looked_at: usize,
    /// What is wrong with them.
    pub drifts: Vec<Drift>,
    /// What events under way may explain: nobody can say yet.
    pub open: Vec<Drift>,
}

impl Found {
    /// Adds differences in what the consumer keeps. Those that it may yet mend by itself, since it
    /// has events of theirs to apply, are open; of a dead letter it is told that it is the cause.
    async fn judge(
        &mut self,
        conn: &mut Connection,
        consumer: &str,
        differences: Vec<Drift>,
    ) -> QueryResult<()> {
        let ids: Vec<Uuid> = differences.iter().filter_map(|drift| drift.id).collect();
        let waiting = event_bus::unconsumed(conn, consumer, &ids).await?;
        for mut drift in differences {
            if let Some(letter) = drift.id.and_then(|id| waiting.dead.get(&id)) {
                let detail = drift.detail;
                drift.detail =
                    format!("{detail}; dead letter {letter} of consumer {consumer} waits");
            }
            if drift.id.is_some_and(|id| waiting.under_way.contains(&id)) {
                self.open.push(drift);
            } else {
                self.drifts.push(drift);
            }
        }
        Ok(())
    }
}

/// Payments against facts, ledger, history and refunds, their pledges, and what is counted of them.
pub async fn payments(conn: &mut Connection, ids: &[PaymentId]) -> QueryResult<Found> {
    let (payments, drifts) = payment::examine(conn, ids).await?;
    let (payments, amounts): (Vec<_>, Vec<_>) = payments.into_iter().unzip();
    let mut found = Found { looked_at: payments.len(), drifts, open: Vec::new() };
    found.drifts.extend(pledge::compare_terms(conn, &payments, &amounts).await?);
    let counted = totals::compare_payments(conn, &payments).await?;
    found.judge(conn, totals::CONSUMER, counted).await?;
    let known = pledge::compare_payments(conn, &payments).await?;
    found.judge(conn, pledge::CONSUMER, known).await?;
    Ok(found)
}

/// Pledges against what they know of their payments, their campaigns, and what is counted of them.
pub async fn pledges(conn: &mut Connection, ids: &[PledgeId]) -> QueryResult<Found> {
    let (pledges, drifts) = pledge::examine(conn, ids).await?;
    let mut found = Found { looked_at: pledges.len(), drifts, open: Vec::new() };
    let campaigns: BTreeSet<_> = pledges.iter().map(|p| p.campaign_id).collect();
    let campaigns: Vec<_> = campaigns.into_iter().collect();
    let (campaigns, _): (Vec<_>, Vec<_>) =
        campaign::announced(conn, &campaigns).await?.into_iter().unzip();
    found.drifts.extend(pledge::compare_currency(&pledges, &campaigns));
    let counted = totals::compare_pledges(conn, &pledges).await?;
    found.judge(conn, totals::CONSUMER, counted).await?;
    Ok(found)
}

/// Campaigns' totals against their parts, the campaign's own words, its place among the most
/// funded, and the room under its goal.
pub async fn campaigns(conn: &mut Connection, ids: &[CampaignId]) -> QueryResult<Found> {
    let campaigns = campaign::announced(conn, ids).await?;
    let mut found = Found { looked_at: campaigns.len(), ..Found::default() };
    let repeated = totals::compare_terms(conn, &campaigns).await?;
    found.judge(conn, totals::CONSUMER, repeated).await?;
    found.drifts.extend(totals::compare_sums(conn, ids).await?);
    let raised = totals::announced(conn, ids).await?;
    let placed = funding::compare_funding(conn, &raised).await?;
    found.judge(conn, funding::CONSUMER, placed).await?;
    let (campaigns, _): (Vec<_>, Vec<_>) = campaigns.into_iter().unzip();
    found.drifts.extend(pledge::compare_room(conn, &campaigns).await?);
    Ok(found)
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
