//! One campaign: how it is made, revised, moved on.

use chrono::{DateTime, Utc};
use diesel::{AsChangeset, Insertable, Queryable, Selectable};

use super::status::{Action, Gate, InvalidTransition, Status, transition};
use crate::{
    kernel::{
        ids::{CampaignId, UserId},
        money::Currency,
    },
    modules::campaign::schema::campaigns,
};

/// The largest goal: sums of gifts stay far from what an `i64` and a JSON number can hold.
pub const MAX_GOAL_MINOR: i64 = 1_000_000_000_000_000;

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = campaigns, treat_none_as_null = true)]
pub struct Campaign {
    pub id: CampaignId,
    pub owner_id: UserId,
    pub title: String,
    pub description: String,
    pub category: Option<String>,
    pub goal_minor: i64,
    pub currency: Currency,
    /// As it was last written; see [`Gate::status_at`].
    pub status: Status,
    pub starts_at: Option<DateTime<Utc>>,
    pub ends_at: Option<DateTime<Utc>>,
    pub allow_overfunding: bool,
    /// When everybody was let know of it.
    pub published_at: Option<DateTime<Utc>>,
    pub suspended_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub version: i64,
}

/// What an owner says of a new campaign.
#[derive(Debug, Clone)]
pub struct Draft {
    pub title: String,
    pub description: String,
    pub category: Option<String>,
    pub goal_minor: i64,
    pub currency: Currency,
    pub starts_at: Option<DateTime<Utc>>,
    pub ends_at: Option<DateTime<Utc>>,
    pub allow_overfunding: bool,
}

/// What to change; `Some(None)` takes a value away.
#[derive(Debug, Clone, Default)]
#[allow(clippy::option_option, reason = "absent, null and a value are three things to a PATCH")]
pub struct Changes {
    pub title: Option<String>,
    pub description: Option<String>,
    pub category: Option<Option<String>>,
    pub goal_minor: Option<i64>,
    pub currency: Option<Currency>,
    pub starts_at: Option<Option<DateTime<Utc>>>,
    pub ends_at: Option<Option<DateTime<Utc>>>,
    pub allow_overfunding: Option<bool>,
}

/// Why a campaign cannot be as wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("must be later than `starts_at`")]
    EndsBeforeStart,
    #[error("must be in the future")]
    EndsInThePast,
    #[error("the currency is fixed once the campaign is published; it is {0}")]
    CurrencyFixed(Status),
    #[error("the campaign is {0}: its goal, dates and overfunding no longer change")]
    TermsFixed(Status),
    #[error("`ends_at` has passed; set a later one before publishing")]
    EndPassed,
    #[error(transparent)]
    Transition(#[from] InvalidTransition),
}

impl Campaign {
    /// A draft, at version 1.
    pub fn new(draft: Draft, owner_id: UserId, now: DateTime<Utc>) -> Result<Self, Refusal> {
        check_dates(draft.starts_at, draft.ends_at)?;
        if draft.ends_at.is_some_and(|end| end <= now) {
            return Err(Refusal::EndsInThePast);
        }
        Ok(Self {
            id: CampaignId::generate(),
            owner_id,
            title: draft.title,
            description: draft.description,
            category: draft.category,
            goal_minor: draft.goal_minor,
            currency: draft.currency,
            status: Status::Draft,
            starts_at: draft.starts_at,
            ends_at: draft.ends_at,
            allow_overfunding: draft.allow_overfunding,
            published_at: None,
            suspended_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
        })
    }

    pub fn gate(&self) -> Gate {
        Gate {
            status: self.status,
            suspended_at: self.suspended_at,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
        }
    }

    /// Was everybody let know of it? A draft that was cancelled stays unknown.
    pub fn is_public(&self) -> bool {
        self.published_at.is_some()
    }

    /// The campaign after `action`, as its next version.
    pub fn act(&self, action: Action, now: DateTime<Utc>) -> Result<Self, Refusal> {
        let status = transition(self.gate().status_at(now), action)?;
        let publishes = action == Action::Publish;
        if publishes && self.ends_at.is_some_and(|end| end <= now) {
            return Err(Refusal::EndPassed);
        }
        let published_at = if publishes { Some(now) } else { self.published_at };
        Ok(Self { status, published_at, ..self.next_version(now) })
    }

    /// The campaign with these changes, as its next version; `None` when nothing would change.
    pub fn revise(&self, changes: Changes, now: DateTime<Utc>) -> Result<Option<Self>, Refusal> {
        let wanted = self.with(changes);
        let status = self.gate().status_at(now);
        if wanted == *self {
            return Ok(None);
        }
        if wanted.currency != self.currency && status != Status::Draft {
            return Err(Refusal::CurrencyFixed(status));
        }
        if wanted.terms() != self.terms() && status.is_final() {
            return Err(Refusal::TermsFixed(status));
        }
        check_dates(wanted.starts_at, wanted.ends_at)?;
        if wanted.ends_at != self.ends_at && wanted.ends_at.is_some_and(|end| end <= now) {
            return Err(Refusal::EndsInThePast);
        }
        // an end that has passed is written down, so that no new date brings it back
        Ok(Some(Self { status, ..wanted.next_version(now) }))
    }

    /// Stops its gifts, or lets them go on, as its next version.
    pub fn suspend(&self, suspended: bool, now: DateTime<Utc>) -> Self {
        Self { suspended_at: suspended.then_some(now), ..self.next_version(now) }
    }

    fn with(&self, changes: Changes) -> Self {
        let own = self.clone();
        Self {
            title: changes.title.unwrap_or(own.title),
            description: changes.description.unwrap_or(own.description),
            category: changes.category.unwrap_or(own.category),
            goal_minor: changes.goal_minor.unwrap_or(own.goal_minor),
            currency: changes.currency.unwrap_or(own.currency),
            starts_at: changes.starts_at.unwrap_or(own.starts_at),
            ends_at: changes.ends_at.unwrap_or(own.ends_at),
            allow_overfunding: changes.allow_overfunding.unwrap_or(own.allow_overfunding),
            ..own
        }
    }

    fn terms(&self) -> (i64, Option<DateTime<Utc>>, Option<DateTime<Utc>>, bool) {
        (self.goal_minor, self.starts_at, self.ends_at, self.allow_overfunding)
    }

    fn next_version(&self, now: DateTime<Utc>) -> Self {
        Self { version: self.version + 1, updated_at: now, ..self.clone() }
    }
}

fn check_dates(start: Option<DateTime<Utc>>, end: Option<DateTime<Utc>>) -> Result<(), Refusal> {
    match (start, end) {
        (Some(start), Some(end)) if end <= start => Err(Refusal::EndsBeforeStart),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "campaign_tests.rs"]
mod tests;
