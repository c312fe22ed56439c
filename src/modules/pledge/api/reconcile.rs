//! Comparing pledges with what they know of their payments, and mending what they know.

use std::collections::HashMap;

use diesel::QueryResult;

use super::super::{
    consumers::{follow_known, follow_payments, newest},
    model::{PaymentState, Pledge, follow},
    repo::{self, reconcile as books},
};
use crate::{
    kernel::{
        drift::Drift,
        ids::{CampaignId, PaymentId, PledgeId},
    },
    modules::{
        campaign::events::CampaignChanged, payment::events::PaymentChanged,
        pledge::events::PledgeChanged,
    },
    platform::postgres::Connection,
};

/// The consumer that keeps what pledges know: what it has not consumed yet explains a difference.
pub const CONSUMER: &str = "pledge";

/// The next pledges by id.
pub async fn ids_after(
    conn: &mut Connection,
    after: Option<PledgeId>,
    limit: i64,
) -> QueryResult<Vec<PledgeId>> {
    books::ids_after(conn, after, limit).await
}

/// Those of these pledges that exist, and those whose status does not follow from what they know
/// of their payments, or whose payment is none of those.
pub async fn examine(
    conn: &mut Connection,
    ids: &[PledgeId],
) -> QueryResult<(Vec<PledgeChanged>, Vec<Drift>)> {
    let mut by_pledge: HashMap<PledgeId, Vec<PaymentState>> = HashMap::new();
    for state in repo::newest_of(conn, ids).await? {
        by_pledge.entry(state.pledge_id).or_default().push(state);
    }
    let pledges = books::find_many(conn, ids).await?;
    let known = |pledge: &Pledge| by_pledge.get(&pledge.id).map_or(&[][..], Vec::as_slice);
    let mut drifts: Vec<Drift> =
        pledges.iter().filter_map(|pledge| unfollowed(pledge, known(pledge))).collect();
    drifts.extend(pledges.iter().filter_map(|pledge| estranged(pledge, known(pledge))));
    Ok((pledges.iter().map(PledgeChanged::from).collect(), drifts))
}

/// Its status is not what its payments make it.
fn unfollowed(pledge: &Pledge, known: &[PaymentState]) -> Option<Drift> {
    let (status, refunded) = follow(known, pledge.cancelled_at.is_some());
    let own = (pledge.status, pledge.refunded_minor);
    let detail = format!("the pledge is {own:?}, its payments make it {status:?}, {refunded}");
    let drift = Drift::new("pledge_status", detail).of(pledge.campaign_id, pledge.id);
    (own != (status, refunded)).then_some(drift)
}

/// It names a payment that is not its own, or none although it has some.
fn estranged(pledge: &Pledge, known: &[PaymentState]) -> Option<Drift> {
    let own = pledge.payment_id;
    let fits = match own {
        None => known.is_empty(),
        Some(payment) => known.iter().any(|state| state.payment_id == payment),
    };
    let detail = format!("the pledge names payment {own:?}, and has {}", known.len());
    (!fits).then(|| Drift::new("pledge_terms", detail).of(pledge.campaign_id, pledge.id))
}

/// Payments that their pledges know otherwise than they are.
pub async fn compare_payments(
    conn: &mut Connection,
    payments: &[PaymentChanged],
) -> QueryResult<Vec<Drift>> {
    let ids: Vec<PaymentId> = payments.iter().map(|p| p.payment_id).collect();
    let known: HashMap<_, _> = books::known(conn, &ids).await?.into_iter().collect();
    let drift = |p: &PaymentChanged| {
        let amounts = [p.captured_minor, p.refunded_minor, p.disputed_minor];
        let own = (p.pledge_id, p.version, p.status.clone(), amounts);
        let stored = known.get(&p.payment_id);
        let detail = format!("the payment is {own:?}, its pledge knows {stored:?}");
        let drift = Drift::new("pledge_payment", detail).of(p.campaign_id, p.payment_id);
        (stored != Some(&own)).then_some(drift)
    };
    Ok(payments.iter().filter_map(drift).collect())
}

/// Payments that are of another amount or currency, of another campaign or donor, than their
/// pledges, each with its amount in minor units.
pub async fn compare_terms(
    conn: &mut Connection,
    payments: &[PaymentChanged],
    amounts: &[i64],
) -> QueryResult<Vec<Drift>> {
    let ids: Vec<PledgeId> = payments.iter().map(|p| p.pledge_id).collect();
    let pledges = books::find_many(conn, &ids).await?;
    let pledges: HashMap<_, _> = pledges.iter().map(|pledge| (pledge.id, pledge)).collect();
    let drift = |(p, amount_minor): (&PaymentChanged, &i64)| {
        let pledge = pledges.get(&p.pledge_id);
        let fits = pledge.is_some_and(|pledge| {
            (pledge.amount_minor, pledge.currency) == (*amount_minor, p.currency)
                && (pledge.campaign_id, &pledge.donor_hash) == (p.campaign_id, &p.donor_hash)
        });
        let promised = pledge.map_or_else(
            || "there is no such pledge".to_owned(),
            |pledge| format!("pledged are {} {}", pledge.amount_minor, pledge.currency),
        );
        let detail = format!(
            "the payment is of {amount_minor} {}, {promised}; amount, currency, campaign or donor \
             differ",
            p.currency
        );
        (!fits).then(|| Drift::new("payment_terms", detail).of(p.campaign_id, p.payment_id))
    };
    Ok(payments.iter().zip(amounts).filter_map(drift).collect())
}

/// Pledges in another currency than these campaigns, which are theirs.
pub fn compare_currency(pledges: &[PledgeChanged], campaigns: &[CampaignChanged]) -> Vec<Drift> {
    let wanted: HashMap<_, _> = campaigns.iter().map(|c| (c.campaign_id, c.currency)).collect();
    let drift = |p: &PledgeChanged| {
        let wanted = wanted.get(&p.campaign_id);
        let detail = format!("the pledge is in {}, its campaign in {wanted:?}", p.currency);
        let differs = wanted != Some(&p.currency);
        differs.then(|| Drift::new("pledge_terms", detail).of(p.campaign_id, p.pledge_id))
    };
    pledges.iter().filter_map(drift).collect()
}

/// Campaigns under whose goal another amount is taken than their pledges come to. A campaign that
/// takes more than its goal has none that is believed, nor one that has changed since: it is
/// reckoned anew before it is used.
pub async fn compare_room(
    conn: &mut Connection,
    campaigns: &[CampaignChanged],
) -> QueryResult<Vec<Drift>> {
    let limited = campaigns.iter().filter(|c| !c.allow_overfunding);
    let terms: Vec<_> = limited.map(|c| (c.campaign_id, c.version)).collect();
    let drift = |(campaign, taken, counted): (CampaignId, i64, i64)| {
        let detail = format!("of its goal {taken} are taken, its pledges come to {counted}");
        Drift::new("goal_room", detail).of(campaign, campaign)
    };
    Ok(repo::unequal_rooms(conn, &terms).await?.into_iter().map(drift).collect())
}

/// Lets the room under the goals of these campaigns be reckoned anew before it is next used.
pub async fn mend_rooms(conn: &mut Connection, campaigns: &[CampaignId]) -> QueryResult<()> {
    repo::doubt_rooms(conn, campaigns).await
}

/// Lets these pledges follow what they know of their payments. The room under their campaigns' goals
/// may not have heard of how they came to be what they are, so it is reckoned anew too.
pub async fn mend_status(conn: &mut Connection, pledges: &[PledgeId]) -> QueryResult<()> {
    let pledges = repo::lock_many(conn, pledges).await?;
    let campaigns: Vec<CampaignId> = pledges.iter().map(|pledge| pledge.campaign_id).collect();
    // before a pledge takes or leaves room, so that all rows are held in one order
    mend_rooms(conn, &campaigns).await?;
    follow_known(conn, pledges, &HashMap::new(), &HashMap::new()).await
}

/// Tells pledges anew of these payments, as they are, and lets them follow.
pub async fn mend(conn: &mut Connection, payments: &[PaymentChanged]) -> QueryResult<()> {
    let pledges: Vec<PledgeId> = payments.iter().map(|p| p.pledge_id).collect();
    let ids: Vec<PaymentId> = payments.iter().map(|p| p.payment_id).collect();
    repo::lock_many(conn, &pledges).await?;
    books::forget(conn, &ids).await?;
    follow_payments(conn, &newest(payments.iter().cloned()), &HashMap::new(), &HashMap::new()).await
}

/// The next pledges of a campaign, by id.
pub async fn of_campaign(
    conn: &mut Connection,
    campaign: CampaignId,
    after: Option<PledgeId>,
    limit: i64,
) -> QueryResult<Vec<PledgeChanged>> {
    let pledges: Vec<Pledge> = books::of_campaign(conn, campaign, after, limit).await?;
    Ok(pledges.iter().map(PledgeChanged::from).collect())
}

/// Those of these pledges that exist.
pub async fn existing(conn: &mut Connection, ids: &[PledgeId]) -> QueryResult<Vec<PledgeId>> {
    books::existing(conn, ids).await
}
