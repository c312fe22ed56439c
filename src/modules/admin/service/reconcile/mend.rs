//! Making anew what follows from payments and pledges, while writes go on.

use std::collections::BTreeSet;

use diesel_async::AsyncConnection;
use serde_json::json;

use crate::{
    kernel::ids::{CampaignId, PaymentId, PledgeId},
    modules::{
        admin::{error::AdminError, report::Report, service::AdminService},
        campaign::api::{admin as campaign, funding},
        payment::api::reconcile as payment,
        pledge::api::reconcile as pledge,
        totals::api::{self as totals_api, TotalsView, reconcile as totals},
    },
    platform::{
        audit::{self, Author, Deed},
        postgres::Connection,
    },
};

/// Payments or pledges counted by one statement.
const PAGE: i64 = 500;

impl AdminService {
    /// Mends what the report names, and returns how many campaigns were counted anew or put where
    /// they belong.
    pub(super) async fn mend(&self, report: &Report, author: &Author) -> Result<usize, AdminError> {
        let mut conn = self.database.conn().await?;
        let payments: Vec<_> = report.mendable_payments().collect();
        for ids in payments.chunks(100) {
            conn.transaction(async |conn| tell_pledges(conn, ids, author).await).await?;
            self.bus.wake();
        }
        let pledges: Vec<_> = report.mendable_pledges().collect();
        for ids in pledges.chunks(100) {
            conn.transaction(async |conn| follow(conn, ids, author).await).await?;
            self.bus.wake();
        }
        let crowded: Vec<_> = report.crowded_campaigns().collect();
        for ids in crowded.chunks(100) {
            conn.transaction(async |conn| clear_rooms(conn, ids, author).await).await?;
        }
        let mut repaired = 0;
        for id in report.mendable_campaigns() {
            let done = conn.transaction(async |conn| recount(conn, id, author).await).await?;
            repaired += usize::from(done);
        }
        let recounted: BTreeSet<_> = report.mendable_campaigns().collect();
        let misplaced: Vec<_> =
            report.misplaced_campaigns().filter(|id| !recounted.contains(id)).collect();
        for ids in misplaced.chunks(100) {
            conn.transaction(async |conn| place(conn, ids, author).await).await?;
        }
        self.bus.wake();
        Ok(repaired + misplaced.len())
    }
}

/// Puts campaigns where their totals, held meanwhile, say they belong.
async fn place(
    conn: &mut Connection,
    ids: &[CampaignId],
    author: &Author,
) -> Result<(), AdminError> {
    let raised = totals::lock_announced(conn, ids).await?;
    funding::mend_funding(conn, &raised).await?;
    let placed = json!({ "campaigns": ids });
    Ok(audit::record(conn, author, deed("campaigns.reconcile", "campaigns", &placed)).await?)
}

async fn tell_pledges(
    conn: &mut Connection,
    ids: &[PaymentId],
    author: &Author,
) -> Result<(), AdminError> {
    let payments = payment::announced(conn, ids).await?;
    pledge::mend(conn, &payments).await?;
    let told = json!({ "payments": ids });
    Ok(audit::record(conn, author, deed("pledges.reconcile", "pledges", &told)).await?)
}

/// Lets pledges follow what they know of their payments, after it was told anew.
async fn follow(
    conn: &mut Connection,
    ids: &[PledgeId],
    author: &Author,
) -> Result<(), AdminError> {
    pledge::mend_status(conn, ids).await?;
    let followed = json!({ "pledges": ids });
    Ok(audit::record(conn, author, deed("pledges.reconcile", "pledges", &followed)).await?)
}

/// Lets the room under goals be reckoned anew.
async fn clear_rooms(
    conn: &mut Connection,
    ids: &[CampaignId],
    author: &Author,
) -> Result<(), AdminError> {
    pledge::mend_rooms(conn, ids).await?;
    let cleared = json!({ "rooms": ids });
    Ok(audit::record(conn, author, deed("campaigns.reconcile", "campaigns", &cleared)).await?)
}

/// An act on many at once, of which there is no single state before.
fn deed<'a>(
    action: &'static str,
    target_type: &'static str,
    after: &'a serde_json::Value,
) -> Deed<'a> {
    Deed { action, target_type, target_id: None, before: None, after: Some(after) }
}

/// Counts a campaign anew from its payments and pledges. `false`: there is no such campaign.
///
/// The totals' row is locked throughout, so their consumer waits, and gifts do not: what happens
/// to them meanwhile is consumed afterwards. Readers see the old row, then the new one.
async fn recount(
    conn: &mut Connection,
    id: CampaignId,
    author: &Author,
) -> Result<bool, AdminError> {
    // first of all, so that a campaign that is published just now is not hidden again: whoever does
    // it either is through, and then it is read, or comes after this
    totals::lock_announced(conn, &[id]).await?;
    let Some((terms, published)) = campaign::announced(conn, &[id]).await?.pop() else {
        return Ok(false);
    };
    let before = figures(conn, id).await?;
    totals::begin_rebuild(conn, &terms, published).await?;
    let mut after = None;
    loop {
        let page = payment::paid_of(conn, id, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.payment_id);
        totals::rebuild_with(conn, &page, &[]).await.map_err(AdminError::Recount)?;
    }
    let mut after = None;
    loop {
        let page = pledge::of_campaign(conn, id, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.pledge_id);
        totals::rebuild_with(conn, &[], &page).await.map_err(AdminError::Recount)?;
    }
    totals::finish_rebuild(conn, id).await.map_err(AdminError::Recount)?;
    // a row that was lost begins with low versions again, which the consumer would not believe
    let raised = totals::announced(conn, &[id]).await?;
    funding::mend_funding(conn, &raised).await?;
    let after = figures(conn, id).await?;
    let deed = Deed {
        action: "totals.rebuild",
        target_type: "campaign",
        target_id: Some(&id.to_string()),
        before: before.as_ref(),
        after: after.as_ref(),
    };
    audit::record(conn, author, deed).await?;
    Ok(true)
}

async fn figures(
    conn: &mut Connection,
    id: CampaignId,
) -> Result<Option<serde_json::Value>, AdminError> {
    let told = |t: TotalsView| {
        json!({ "pledged_minor": t.pledged_minor, "captured_minor": t.captured_minor,
                "refunded_minor": t.refunded_minor, "disputed_minor": t.disputed_minor,
                "donation_count": t.donation_count, "donor_count": t.donor_count })
    };
    Ok(totals_api::for_campaigns(conn, &[id]).await?.remove(&id).map(told))
}
