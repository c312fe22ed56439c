//! Comparing pledges with what they know of their payments, and mending what they know.

use std::collections::HashMap;

use diesel::QueryResult;

use super::super::{
    consumers::{follow_payments, newest},
    model::{PaymentState, Pledge, follow},
    repo::{self, reconcile as books},
};
use crate::{
    kernel::{
        drift::Drift,
        ids::{CampaignId, PaymentId, PledgeId},
    },
    modules::{payment::events::PaymentChanged, pledge::events::PledgeChanged},
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
/// of their payments.
pub async fn examine(
    conn: &mut Connection,
    ids: &[PledgeId],
) -> QueryResult<(Vec<PledgeChanged>, Vec<Drift>)> {
    let mut by_pledge: HashMap<PledgeId, Vec<PaymentState>> = HashMap::new();
    for state in repo::newest_of(conn, ids).await? {
        by_pledge.entry(state.pledge_id).or_default().push(state);
    }
    let pledges = books::find_many(conn, ids).await?;
    let drifts = pledges.iter().filter_map(|pledge| {
        let known = by_pledge.get(&pledge.id).map_or(&[][..], Vec::as_slice);
        let (status, refunded) = follow(known, pledge.cancelled_at.is_some());
        let own = (pledge.status, pledge.refunded_minor);
        let detail = format!("the pledge is {own:?}, its payments make it {status:?}, {refunded}");
        let drift = Drift::new("pledge_status", detail).of(pledge.campaign_id, pledge.id);
        (own != (status, refunded)).then_some(drift)
    });
    let drifts = drifts.collect();
    Ok((pledges.iter().map(PledgeChanged::from).collect(), drifts))
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
