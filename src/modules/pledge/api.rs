//! What the payment module may ask of pledges. Everything runs in the caller's transaction.

pub mod admin;
pub mod reconcile;

use diesel::QueryResult;

use super::{
    model::{Pledge, PledgeStatus},
    repo,
    service::{is_donor, store_changes},
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

    /// Is it the caller's own: the guest's who made it, or the user's?
    pub fn belongs_to(&self, caller: Caller) -> bool {
        is_donor(caller, &self.0)
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
    if repo::is_cancelled(conn, pledge.campaign_id).await? {
        return Err(NotPayable::CampaignCancelled);
    }
    if pledge.status == PledgeStatus::Failed && !has_room(conn, &pledge).await? {
        return Err(NotPayable::NoRoom);
    }
    repo::insert_new(conn, pledge.id, payment).await?;
    let after = Pledge {
        status: PledgeStatus::Pending,
        payment_id: Some(payment),
        updated_at: clock::now(),
        version: pledge.version + 1,
        ..pledge.clone()
    };
    store_changes(conn, &[pledge], &[after]).await?;
    Ok(())
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
    if is_donor(caller, &pledge) {
        return Ok(Relation::Donor);
    }
    let Some(user) = caller.user_id() else { return Ok(Relation::Stranger) };
    let owner: Option<UserId> = campaign::owner_of(conn, pledge.campaign_id).await?;
    Ok(if owner == Some(user) { Relation::CampaignOwner } else { Relation::Stranger })
}
