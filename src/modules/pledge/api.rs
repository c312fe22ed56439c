//! What the payment module may ask of pledges. Everything runs in the caller's transaction.

pub mod admin;
pub mod reconcile;

use std::collections::{HashMap, HashSet};

use diesel::QueryResult;

use super::{
    model::{Pledge, PledgeStatus},
    repo,
    service::{Traces, is_donor, is_plainly_donor, store_changes, store_traced},
};
use crate::{
    kernel::{
        clock,
        ids::{CampaignId, PaymentId, PledgeId, UserId},
        money::Money,
    },
    modules::{auth::api::Caller, campaign::api as campaign},
    platform::postgres::Connection,
};

/// A pledge whose row is locked until the end of the transaction: exclusive leave to pay for it.
#[derive(Debug)]
pub struct LockedPledge(Pledge);

/// Why no payment can be made for a pledge.
#[derive(Debug, thiserror::Error)]
pub enum NotPayable {
    #[error("the pledge is cancelled")]
    Cancelled,
    #[error("its campaign is cancelled, and the pledge about to be")]
    CampaignCancelled,
    #[error("the campaign has no room left for it")]
    NoRoom,
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
}

impl LockedPledge {
    pub fn campaign_id(&self) -> CampaignId {
        self.0.campaign_id
    }

    pub fn money(&self) -> Money {
        Money::new(self.0.amount_minor, self.0.currency)
    }

    pub fn donor_hash(&self) -> &str {
        &self.0.donor_hash
    }

    /// Cancelled, and no capture was faster.
    pub fn is_cancelled(&self) -> bool {
        self.0.status == PledgeStatus::Cancelled
    }

    /// Is it the caller's own: the guest's who made it, the user's, or made as a guest with an
    /// address that is proven to be the user's?
    pub async fn belongs_to(&self, conn: &mut Connection, caller: Caller) -> QueryResult<bool> {
        is_donor(conn, caller, &self.0).await
    }

    /// Is it plainly the caller's own? If not, it may be all the same: ask [`Self::belongs_to`].
    pub fn plainly_belongs_to(&self, caller: Caller) -> bool {
        is_plainly_donor(caller, &self.0)
    }
}

/// Locks a pledge for payment. `None`: there is no such pledge.
pub async fn lock(conn: &mut Connection, id: PledgeId) -> QueryResult<Option<LockedPledge>> {
    Ok(repo::find_locked(conn, id).await?.map(LockedPledge))
}

/// Makes `payment` the pledge's payment. A failed pledge is pending again, if its campaign has room
/// for it.
pub async fn attach_payment(
    conn: &mut Connection,
    locked: LockedPledge,
    payment: PaymentId,
) -> Result<(), NotPayable> {
    let pledge = locked.0;
    if pledge.cancelled_at.is_some() {
        return Err(NotPayable::Cancelled);
    }
    if !repo::cancelled_among(conn, &[pledge.campaign_id]).await?.is_empty() {
        return Err(NotPayable::CampaignCancelled);
    }
    if pledge.status == PledgeStatus::Failed && !has_room(conn, &pledge).await? {
        return Err(NotPayable::NoRoom);
    }
    repo::insert_new(conn, &[(pledge.id, payment)]).await?;
    let after = with_payment(&pledge, payment);
    store_changes(conn, &[pledge], &[after]).await?;
    Ok(())
}

fn with_payment(pledge: &Pledge, payment: PaymentId) -> Pledge {
    Pledge {
        status: PledgeStatus::Pending,
        payment_id: Some(payment),
        updated_at: clock::now(),
        version: pledge.version + 1,
        ..pledge.clone()
    }
}

/// A locked pledge that waits for its payment, and that nothing keeps from having it.
#[derive(Debug)]
pub struct PayablePledge(LockedPledge);

impl PayablePledge {
    pub fn pledge(&self) -> &LockedPledge {
        &self.0
    }
}

/// Locks those of the pledges of which it is plain that they can be paid for: pending, not to be
/// cancelled, and in nobody else's hands just now. Nobody is waited for. Of the others [`lock`] and
/// [`attach_payment`] tell why not.
pub async fn lock_payable(
    conn: &mut Connection,
    ids: &[PledgeId],
) -> QueryResult<HashMap<PledgeId, PayablePledge>> {
    let mut pledges = repo::lock_free(conn, ids).await?;
    pledges.retain(|p| p.status == PledgeStatus::Pending && p.cancelled_at.is_none());
    let campaigns: HashSet<CampaignId> = pledges.iter().map(|p| p.campaign_id).collect();
    let campaigns: Vec<CampaignId> = campaigns.into_iter().collect();
    let cancelled = repo::cancelled_among(conn, &campaigns).await?;
    pledges.retain(|pledge| !cancelled.contains(&pledge.campaign_id));
    Ok(pledges.into_iter().map(|p| (p.id, PayablePledge(LockedPledge(p)))).collect())
}

/// A payment for a pledge, and the trace in which it is made.
#[derive(Debug)]
pub struct Attachment {
    pub pledge: PayablePledge,
    pub payment: PaymentId,
    pub trace: Option<String>,
}

/// Makes each payment its pledge's payment.
pub async fn attach_payments(
    conn: &mut Connection,
    attachments: Vec<Attachment>,
) -> QueryResult<()> {
    if attachments.is_empty() {
        return Ok(());
    }
    let (mut made, mut before, mut after) = (Vec::new(), Vec::new(), Vec::new());
    let mut traces = Traces::new();
    for Attachment { pledge: PayablePledge(LockedPledge(pledge)), payment, trace } in attachments {
        made.push((pledge.id, payment));
        after.push(with_payment(&pledge, payment));
        traces.extend(trace.map(|trace| (pledge.id, trace)));
        before.push(pledge);
    }
    repo::insert_new(conn, &made).await?;
    store_traced(conn, &before, &after, &traces).await
}

async fn has_room(conn: &mut Connection, pledge: &Pledge) -> QueryResult<bool> {
    let terms = campaign::lock_for_gifts(conn, &[pledge.campaign_id]).await?;
    let Some(terms) = terms.get(&pledge.campaign_id) else { return Ok(false) };
    if terms.allow_overfunding {
        return Ok(true);
    }
    let taken = repo::lock(conn, pledge.campaign_id, terms.version).await?;
    Ok(taken + pledge.amount_minor <= terms.goal_minor)
}

/// Who a caller is to a pledge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    Donor,
    CampaignOwner,
    Stranger,
}

/// What the caller is to the pledge; administrators are not looked up here.
pub async fn relation(
    conn: &mut Connection,
    caller: Caller,
    id: PledgeId,
) -> QueryResult<Relation> {
    let Some(pledge) = repo::find(conn, id).await? else { return Ok(Relation::Stranger) };
    if is_donor(conn, caller, &pledge).await? {
        return Ok(Relation::Donor);
    }
    let Some(user) = caller.user_id() else { return Ok(Relation::Stranger) };
    let owner: Option<UserId> = campaign::owner_of(conn, pledge.campaign_id).await?;
    Ok(if owner == Some(user) { Relation::CampaignOwner } else { Relation::Stranger })
}
