//! What other modules may ask of campaigns.

pub mod admin;
pub mod funding;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::QueryResult;

pub use super::model::Closed;
use super::{
    model::Gate,
    repo::{self, TermsRow},
};
use crate::{
    kernel::{
        ids::{CampaignId, UserId},
        money::Currency,
    },
    platform::postgres::Connection,
};

/// What a gift has to know of its campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GiftTerms {
    pub owner_id: UserId,
    pub currency: Currency,
    pub goal_minor: i64,
    /// Where `false`, pledges may not exceed the goal.
    pub allow_overfunding: bool,
    /// Never published: nobody but its owner and administrators is to know that it exists.
    pub draft: bool,
    /// Grows with every change of the campaign.
    pub version: i64,
    gate: Gate,
}

impl GiftTerms {
    /// Whether gifts are taken at this instant, and if not, why.
    pub fn accepts(&self, at: DateTime<Utc>) -> Result<(), Closed> {
        self.gate.accepts_gifts(at)
    }
}

impl From<TermsRow> for GiftTerms {
    fn from(row: TermsRow) -> Self {
        Self {
            owner_id: row.owner_id,
            currency: row.currency,
            goal_minor: row.goal_minor,
            allow_overfunding: row.allow_overfunding,
            draft: row.published_at.is_none(),
            version: row.version,
            gate: row.gate,
        }
    }
}

/// Reads the campaigns that exist among `ids` and holds them as they are until the caller's
/// transaction ends: none of them is paused, ended or cancelled meanwhile. Gifts do not block each
/// other. One prepared query; locks are taken in ascending order, `ids` may come in any.
pub async fn lock_for_gifts(
    conn: &mut Connection,
    ids: &[CampaignId],
) -> QueryResult<HashMap<CampaignId, GiftTerms>> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let rows = repo::lock_terms(conn, &ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.into())).collect())
}

/// Reads without holding: what is judged by these terms counts only in a transaction that finds the
/// campaigns to be of the same versions, by `campaign.hold_for_gifts(ids, versions)` in the database.
pub async fn terms_of(
    conn: &mut Connection,
    ids: &[CampaignId],
) -> QueryResult<HashMap<CampaignId, GiftTerms>> {
    let rows = repo::terms(conn, ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.into())).collect())
}

/// Who owns the campaign, draft or not; `None` when there is no such campaign.
pub async fn owner_of(conn: &mut Connection, id: CampaignId) -> QueryResult<Option<UserId>> {
    repo::owner_of(conn, id).await
}

/// The titles of those of the campaigns that exist, drafts included, in one query.
pub async fn titles(
    conn: &mut Connection,
    ids: &[CampaignId],
) -> QueryResult<HashMap<CampaignId, String>> {
    Ok(repo::titles(conn, ids).await?.into_iter().collect())
}
