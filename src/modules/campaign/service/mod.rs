//! The use cases.

mod audit;
mod deadlines;
mod demo;
mod publishing;

pub(super) use publishing::changed;

use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;

use super::{
    dto::CampaignView,
    error::CampaignError,
    model::{Action, Campaign, Changes, Draft, Place, Selection},
    repo::{self, ListFilter, Viewer},
};
use crate::{
    kernel::{
        clock,
        ids::{CampaignId, UserId},
        page::{Page, PageRequest},
        version::IfMatch,
    },
    modules::{
        auth::api::{self as auth, Caller},
        totals::api as totals,
    },
    platform::{
        event_bus::EventBus,
        http::RequestId,
        postgres::{Connection, Database, Reads},
    },
};

/// Campaigns, from draft to end.
#[derive(Clone)]
pub struct CampaignService {
    database: Database,
    reads: Reads,
    bus: EventBus,
}

impl CampaignService {
    pub fn new(reads: Reads, bus: EventBus) -> Self {
        Self { database: reads.primary().clone(), reads, bus }
    }

    /// Makes a draft and its totals.
    pub async fn create(&self, owner: UserId, draft: Draft) -> Result<CampaignView, CampaignError> {
        let now = clock::now();
        let campaign = Campaign::new(draft, owner, now)?;
        let mut conn = self.database.conn().await?;
        let view = conn.transaction(async |conn| {
            repo::insert(conn, &campaign).await?;
            totals::open(conn, campaign.id, campaign.currency, campaign.goal_minor).await?;
            publishing::changed(conn, std::slice::from_ref(&campaign)).await?;
            show(conn, campaign, now).await
        });
        self.announced(view.await)
    }

    /// The campaign, if this caller may see it.
    pub async fn get(&self, caller: Caller, id: CampaignId) -> Result<CampaignView, CampaignError> {
        if caller == Caller::Anonymous {
            return self.reads.run(async |conn| visit(conn, id).await).await;
        }
        let mut conn = self.database.conn().await?;
        let campaign = repo::find(&mut conn, id).await?.ok_or(CampaignError::NotFound)?;
        if !campaign.is_public() && !may_change(&mut conn, caller, &campaign).await? {
            return Err(CampaignError::NotFound);
        }
        show(&mut conn, campaign, clock::now()).await
    }

    /// One page of the campaigns that this caller may see.
    pub async fn list(
        &self,
        caller: Caller,
        selection: Selection,
        page: PageRequest<Place>,
    ) -> Result<Page<CampaignView>, CampaignError> {
        let now = clock::now();
        if caller == Caller::Anonymous {
            let filter = ListFilter { viewer: Viewer::Public, selection, now };
            return self.reads.run(async |conn| page_of(conn, &filter, &page).await).await;
        }
        let mut conn = self.database.conn().await?;
        let viewer = match caller.user_id() {
            _ if auth::is_admin(&mut conn, caller).await? => Viewer::Admin,
            Some(user) => Viewer::User(user),
            None => Viewer::Public,
        };
        page_of(&mut conn, &ListFilter { viewer, selection, now }, &page).await
    }

    /// Changes what a campaign says, if it is still at the version that the caller has read.
    pub async fn update(
        &self,
        caller: Caller,
        id: CampaignId,
        if_match: Option<IfMatch>,
        changes: Changes,
        request: RequestId,
    ) -> Result<CampaignView, CampaignError> {
        let mut conn = self.database.conn().await?;
        let view = conn.transaction(async |conn| {
            let now = clock::now();
            let campaign = lock_for(conn, caller, id).await?;
            check_version(&campaign, if_match)?;
            let Some(revised) = campaign.revise(changes, now)? else {
                return show(conn, campaign, now).await;
            };
            repo::update(conn, &revised).await?;
            let change = (&campaign, &revised);
            audit::record(conn, (caller, request), "campaign.update", change).await?;
            publishing::changed(conn, std::slice::from_ref(&revised)).await?;
            show(conn, revised, now).await
        });
        self.announced(view.await)
    }

    /// Moves a campaign through its life.
    pub async fn act(
        &self,
        caller: Caller,
        id: CampaignId,
        action: Action,
        request: RequestId,
    ) -> Result<CampaignView, CampaignError> {
        let mut conn = self.database.conn().await?;
        let view = conn.transaction(async |conn| {
            let now = clock::now();
            let campaign = lock_for(conn, caller, id).await?;
            let moved = campaign.act(action, now)?;
            repo::update(conn, &moved).await?;
            let change = (&campaign, &moved);
            audit::record(conn, (caller, request), audit::name_of(action), change).await?;
            publishing::changed(conn, std::slice::from_ref(&moved)).await?;
            match action {
                Action::Publish => totals::publish(conn, id).await?,
                Action::Cancel => publishing::cancelled(conn, &moved).await?,
                Action::Pause | Action::Resume | Action::End => {}
            }
            show(conn, moved, now).await
        });
        self.announced(view.await)
    }

    fn announced<T>(&self, committed: Result<T, CampaignError>) -> Result<T, CampaignError> {
        committed.inspect(|_| self.bus.wake())
    }
}

/// The campaign as somebody without credentials sees it.
async fn visit(conn: &mut Connection, id: CampaignId) -> Result<CampaignView, CampaignError> {
    let campaign = repo::find(conn, id).await?.filter(Campaign::is_public);
    show(conn, campaign.ok_or(CampaignError::NotFound)?, clock::now()).await
}

async fn page_of(
    conn: &mut Connection,
    filter: &ListFilter,
    page: &PageRequest<Place>,
) -> Result<Page<CampaignView>, CampaignError> {
    let rows = repo::list(conn, filter, page).await?;
    let found = Page::new(rows, page.limit, |row| Place::of(row, filter.selection.sort));
    show_page(conn, found.map(|row| row.campaign), filter.now).await
}

/// The campaign, locked, if this caller may change it.
async fn lock_for(
    conn: &mut Connection,
    caller: Caller,
    id: CampaignId,
) -> Result<Campaign, CampaignError> {
    let campaign = repo::lock(conn, id).await?.ok_or(CampaignError::NotFound)?;
    if may_change(conn, caller, &campaign).await? {
        return Ok(campaign);
    }
    // that somebody else's draft exists is not theirs to know
    Err(if campaign.is_public() { CampaignError::Forbidden } else { CampaignError::NotFound })
}

/// Owners and administrators.
async fn may_change(
    conn: &mut Connection,
    caller: Caller,
    campaign: &Campaign,
) -> Result<bool, CampaignError> {
    if caller.user_id() == Some(campaign.owner_id) {
        return Ok(true);
    }
    Ok(auth::is_admin(conn, caller).await?)
}

fn check_version(campaign: &Campaign, if_match: Option<IfMatch>) -> Result<(), CampaignError> {
    match if_match {
        None => Err(CampaignError::VersionMissing),
        Some(wanted) if wanted.matches(campaign.version) => Ok(()),
        Some(_) => Err(CampaignError::VersionConflict { current: campaign.version }),
    }
}

pub(super) async fn show(
    conn: &mut Connection,
    campaign: Campaign,
    now: DateTime<Utc>,
) -> Result<CampaignView, CampaignError> {
    let id = campaign.id;
    let mut found = totals::for_campaigns(conn, &[id]).await?;
    let totals = found.remove(&id).ok_or(CampaignError::NoTotals(id))?;
    Ok(CampaignView::new(campaign, totals, now))
}

pub(super) async fn show_page(
    conn: &mut Connection,
    page: Page<Campaign>,
    now: DateTime<Utc>,
) -> Result<Page<CampaignView>, CampaignError> {
    let ids: Vec<_> = page.data.iter().map(|campaign| campaign.id).collect();
    let mut found = totals::for_campaigns(conn, &ids).await?;
    let show = |campaign: Campaign| {
        let totals = found.remove(&campaign.id).ok_or(CampaignError::NoTotals(campaign.id))?;
        Ok(CampaignView::new(campaign, totals, now))
    };
    let data = page.data.into_iter().map(show).collect::<Result<_, CampaignError>>()?;
    Ok(Page { data, next_cursor: page.next_cursor, has_more: page.has_more })
}
