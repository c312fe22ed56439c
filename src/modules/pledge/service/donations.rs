//! What everybody may see of the gifts to a campaign.

use std::collections::HashMap;

use super::PledgeService;
use crate::{
    kernel::{
        ids::{CampaignId, PledgeId},
        page::{Page, PageRequest},
    },
    modules::{
        auth::api::{self as auth, Caller},
        campaign::api as campaign,
        pledge::{
            error::PledgeError,
            model::Pledge,
            repo::{self, DonationKey},
        },
    },
    platform::postgres::Connection,
};

/// A gift for which money was captured.
#[derive(Debug, Clone)]
pub struct Donation {
    pub pledge: Pledge,
    /// In all of its payments, which need not be what was promised.
    pub captured_minor: i64,
}

impl PledgeService {
    /// One page of the gifts to a campaign that this caller may see, the last captured first.
    /// Payments are looked up once for the whole page.
    ///
    /// # Errors
    /// [`PledgeError::CampaignNotFound`], also for a draft that is not theirs to know of.
    pub async fn donations(
        &self,
        caller: Caller,
        id: CampaignId,
        page: &PageRequest<DonationKey>,
    ) -> Result<Page<Donation>, PledgeError> {
        if caller == Caller::Anonymous {
            return self.reads.run(async |conn| page_of(conn, caller, id, page).await).await;
        }
        page_of(&mut *self.database.conn().await?, caller, id, page).await
    }
}

async fn page_of(
    conn: &mut Connection,
    caller: Caller,
    id: CampaignId,
    page: &PageRequest<DonationKey>,
) -> Result<Page<Donation>, PledgeError> {
    check_visible(conn, caller, id).await?;
    let pledges = repo::list_donations(conn, id, page).await?;
    let key = |pledge: &Pledge| (pledge.captured_at, pledge.id);
    let page = Page::new(pledges, page.limit, key);
    let ids: Vec<PledgeId> = page.data.iter().map(|pledge| pledge.id).collect();
    let mut captured: HashMap<PledgeId, i64> = HashMap::new();
    for state in repo::newest_of(conn, &ids).await? {
        *captured.entry(state.pledge_id).or_default() += state.captured_minor;
    }
    Ok(page.map(|pledge| Donation {
        captured_minor: captured.get(&pledge.id).copied().unwrap_or_default(),
        pledge,
    }))
}

/// A draft exists for its owner and for administrators only.
async fn check_visible(
    conn: &mut Connection,
    caller: Caller,
    id: CampaignId,
) -> Result<(), PledgeError> {
    let terms = campaign::terms_of(conn, &[id]).await?.remove(&id);
    let terms = terms.ok_or(PledgeError::CampaignNotFound)?;
    if !terms.draft || caller.user_id() == Some(terms.owner_id) {
        return Ok(());
    }
    let admin = auth::is_admin(conn, caller).await?;
    if admin { Ok(()) } else { Err(PledgeError::CampaignNotFound) }
}
