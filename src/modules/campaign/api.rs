//! What other modules may ask of campaigns.

pub mod admin;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::QueryResult;

pub use super::model::Closed;
use super::repo;
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
    /// Whether gifts are taken at the instant asked for, and if not, why.
    pub accepts: Result<(), Closed>,
    /// Grows with every change of the campaign.
    pub version: i64,
}

/// Reads the campaigns that exist among `ids` and holds them as they are until the caller's
/// transaction ends: none of them is paused, ended or cancelled meanwhile. Gifts do not block each
/// other. One prepared query; locks are taken in ascending order, `ids` may come in any.
pub async fn lock_for_gifts(
    conn: &mut Connection,
    ids: &[CampaignId],
    at: DateTime<Utc>,
) -> QueryResult<HashMap<CampaignId, GiftTerms>> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let rows = repo::lock_terms(conn, &ids).await?;
    let terms = rows.into_iter().map(|row| {
        let terms = GiftTerms {
            owner_id: row.owner_id,
            currency: row.currency,
            goal_minor: row.goal_minor,
            allow_overfunding: row.allow_overfunding,
            draft: row.published_at.is_none(),
            accepts: row.gate.accepts_gifts(at),
            version: row.version,
        };
        (row.id, terms)
    });
    Ok(terms.collect())
}

/// Who owns the campaign, draft or not; `None` when there is no such campaign.
pub async fn owner_of(conn: &mut Connection, id: CampaignId) -> QueryResult<Option<UserId>> {
    repo::owner_of(conn, id).await
}
