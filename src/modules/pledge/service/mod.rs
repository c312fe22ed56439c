//! The use cases of pledges.

mod answer;
mod cancel;
mod cancelled_campaigns;
mod create;
mod create_many;
mod donations;
mod history;
mod room;
mod unpaid;
mod write;

use std::sync::Arc;

use diesel::QueryResult;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::runtime::Handle;

use self::create_many::CreateMany;
use super::{error::PledgeError, model::Pledge, repo};
use crate::{
    kernel::{email::Email, ids::PledgeId},
    modules::{
        auth::api::{self as auth, Caller, GuestTokens},
        campaign::api as campaign,
    },
    platform::{
        batching::{Batcher, Limits},
        event_bus::EventBus,
        idempotency::ReplayCache,
        postgres::{Connection, Database, Reads},
    },
};

pub use donations::Donation;
pub use history::{Gift, KnownGuests};
pub(super) use write::{Traces, store_changes, store_traced};

/// How large a gift may be, in minor units of any currency.
#[derive(Debug, Clone, Copy)]
pub struct AmountRange {
    pub min_minor: i64,
    pub max_minor: i64,
}

/// Everything that pledges need to do their work.
#[derive(Clone)]
pub struct PledgeService {
    database: Database,
    reads: Reads,
    bus: EventBus,
    replays: ReplayCache,
    writer: Batcher<CreateMany>,
    donor_key: Arc<[u8]>,
    tokens: GuestTokens,
}

/// What a caller may see of a pledge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Its donor, or an administrator: everything.
    Whole,
    /// The owner of its campaign: no e-mail address.
    WithoutEmail,
}

impl PledgeService {
    /// `donor_key` makes the hash by which donors are counted.
    pub fn new(
        reads: Reads,
        bus: EventBus,
        replays: ReplayCache,
        donor_key: &[u8],
        tokens: GuestTokens,
        amounts: AmountRange,
        runtime: &Handle,
    ) -> Self {
        let database = reads.primary().clone();
        let flush = CreateMany::new(database.clone(), amounts);
        let writer = Batcher::start("pledges", flush, Limits::default(), runtime);
        Self { database, reads, bus, replays, writer, donor_key: donor_key.into(), tokens }
    }

    /// The pledge, if it is the caller's to know of.
    pub async fn get(&self, caller: Caller, id: PledgeId) -> Result<(Pledge, View), PledgeError> {
        let mut conn = self.database.conn().await?;
        let pledge = repo::find(&mut conn, id).await?.ok_or(PledgeError::NotFound)?;
        if is_donor(&mut conn, caller, &pledge).await? {
            return Ok((pledge, View::Whole));
        }
        let Some(user) = caller.user_id() else { return Err(PledgeError::NotFound) };
        if auth::is_admin(&mut conn, caller).await? {
            return Ok((pledge, View::Whole));
        }
        let owner = campaign::owner_of(&mut conn, pledge.campaign_id).await?;
        if owner == Some(user) {
            return Ok((pledge, View::WithoutEmail));
        }
        Err(PledgeError::NotFound)
    }

    /// Guests name their address; users give with the one they are known by; programs may name
    /// the one for whom their user gives.
    pub async fn donor(&self, caller: Caller, email: Option<&Email>) -> Result<Email, PledgeError> {
        match (caller, email) {
            (Caller::User { .. }, Some(_)) => {
                Err(PledgeError::DonorEmail("is not for signed-in donors"))
            }
            (_, Some(email)) => Ok(email.clone()),
            (Caller::Anonymous | Caller::Guest { .. }, None) => {
                Err(PledgeError::DonorEmail("is required of guests"))
            }
            (Caller::User { user_id: user, .. } | Caller::Key { user_id: user, .. }, None) => {
                let mut conn = self.database.conn().await?;
                let user = auth::find_user(&mut conn, user).await?;
                let user = user.ok_or(PledgeError::UnknownUser)?;
                user.email.parse().map_err(|_| PledgeError::UnknownUser)
            }
        }
    }

    /// The same for equal donors, whether they are guests or signed in; no way back.
    fn donor_hash(&self, email: &Email) -> String {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.donor_key)
            .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
        mac.update(email.as_str().as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

/// The guest who made it, the user whose it is, or the user with whose address, since proven, a
/// guest made it: whoever has it in their history.
pub(super) async fn is_donor(
    conn: &mut Connection,
    caller: Caller,
    pledge: &Pledge,
) -> QueryResult<bool> {
    if is_plainly_donor(caller, pledge) {
        return Ok(true);
    }
    let (Some(user), None) = (caller.user_id(), pledge.user_id) else { return Ok(false) };
    let address = auth::proven_address(conn, user).await?;
    Ok(address.as_ref() == Some(&pledge.donor_email))
}

/// Without asking the database: the guest who made it, or the user whose it is.
pub(super) fn is_plainly_donor(caller: Caller, pledge: &Pledge) -> bool {
    caller.pledge_id() == Some(pledge.id)
        || caller.user_id().is_some_and(|user| pledge.user_id == Some(user))
}
