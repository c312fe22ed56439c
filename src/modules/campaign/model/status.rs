//! The lifecycle of a campaign: pure rules.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use diesel::{
    Queryable, Selectable,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::{Pg, PgValue},
    serialize::{self, Output, ToSql},
    sql_types::Text,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::modules::campaign::schema::campaigns;

/// Where a campaign is in its life.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
    AsExpression,
    FromSqlRow,
)]
#[diesel(sql_type = Text)]
#[serde(rename_all = "snake_case")]
#[schema(as = CampaignStatus)]
pub enum Status {
    /// Known to its owner and to administrators only.
    Draft,
    Active,
    Paused,
    /// For good: by its owner, or because `ends_at` has passed.
    Ended,
    /// For good: its unpaid pledges are cancelled with it.
    Cancelled,
}

/// What can be done to a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Publish,
    Pause,
    Resume,
    End,
    Cancel,
}

/// The state does not allow the act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a campaign that is {from} cannot be {action}")]
pub struct InvalidTransition {
    pub from: Status,
    pub action: Action,
}

/// Where `action` leads from `from`.
pub fn transition(from: Status, action: Action) -> Result<Status, InvalidTransition> {
    match (from, action) {
        (Status::Draft, Action::Publish) | (Status::Paused, Action::Resume) => Ok(Status::Active),
        (Status::Active, Action::Pause) => Ok(Status::Paused),
        (Status::Active | Status::Paused, Action::End) => Ok(Status::Ended),
        (Status::Draft | Status::Active | Status::Paused, Action::Cancel) => Ok(Status::Cancelled),
        _ => Err(InvalidTransition { from, action }),
    }
}

/// Why a campaign takes no gifts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    #[error("the campaign is {0}")]
    Status(Status),
    #[error("the campaign is suspended")]
    Suspended,
    #[error("the campaign has not started yet")]
    NotStarted,
}

/// All that decides whether gifts are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = campaigns)]
pub struct Gate {
    pub status: Status,
    pub suspended_at: Option<DateTime<Utc>>,
    pub starts_at: Option<DateTime<Utc>>,
    pub ends_at: Option<DateTime<Utc>>,
}

impl Gate {
    /// The status at an instant: what runs ends when `ends_at` passes, whether or not anybody has
    /// written that down yet.
    pub fn status_at(&self, at: DateTime<Utc>) -> Status {
        let over = self.ends_at.is_some_and(|end| end <= at);
        match self.status {
            Status::Active | Status::Paused if over => Status::Ended,
            status => status,
        }
    }

    /// Active, not suspended, and `starts_at` ≤ `at` < `ends_at`.
    pub fn accepts_gifts(&self, at: DateTime<Utc>) -> Result<(), Closed> {
        match self.status_at(at) {
            Status::Active => {}
            status => return Err(Closed::Status(status)),
        }
        if self.suspended_at.is_some() {
            return Err(Closed::Suspended);
        }
        match self.starts_at {
            Some(start) if at < start => Err(Closed::NotStarted),
            _ => Ok(()),
        }
    }
}

impl Status {
    pub const ALL: [Self; 5] =
        [Self::Draft, Self::Active, Self::Paused, Self::Ended, Self::Cancelled];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Ended => "ended",
            Self::Cancelled => "cancelled",
        }
    }

    /// Neither taking gifts nor ever to take them again.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Ended | Self::Cancelled)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Publish => "published",
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::End => "ended",
            Self::Cancel => "cancelled",
        })
    }
}

/// The text is the name of no status.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no status of a campaign")]
pub struct UnknownStatus(String);

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

impl ToSql<Text, Pg> for Status {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <str as ToSql<Text, Pg>>::to_sql(self.as_str(), &mut out.reborrow())
    }
}

impl FromSql<Text, Pg> for Status {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(<String as FromSql<Text, Pg>>::from_sql(value)?.parse()?)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::{Action::*, Status::*, *};
    use crate::kernel::clock;

    #[test]
    fn every_pair_of_status_and_action_is_decided() {
        let allowed = [
            (Draft, Publish, Active),
            (Active, Pause, Paused),
            (Paused, Resume, Active),
            (Active, End, Ended),
            (Paused, End, Ended),
            (Draft, Cancel, Cancelled),
            (Active, Cancel, Cancelled),
            (Paused, Cancel, Cancelled),
        ];
        for from in Status::ALL {
            for action in [Publish, Pause, Resume, End, Cancel] {
                let to = allowed.iter().find(|(f, a, _)| (*f, *a) == (from, action));
                let expected = to.map(|(.., to)| *to).ok_or(InvalidTransition { from, action });
                assert_eq!(transition(from, action), expected);
                assert!(!from.is_final() || expected.is_err(), "what is final stays");
            }
        }
    }

    #[test]
    fn what_runs_ends_at_the_very_instant() {
        let end = clock::now();
        let before = end - TimeDelta::microseconds(1);
        for status in Status::ALL {
            let gate = Gate { status, suspended_at: None, starts_at: None, ends_at: Some(end) };
            let runs = matches!(status, Active | Paused);
            assert_eq!(gate.status_at(before), status);
            assert_eq!(gate.status_at(end), if runs { Ended } else { status });
            let unlimited = Gate { ends_at: None, ..gate };
            assert_eq!(unlimited.status_at(end), status);
        }
    }

    #[test]
    fn gifts_are_taken_only_when_active_unsuspended_and_in_time() {
        let (start, tick) = (clock::now(), TimeDelta::microseconds(1));
        let end = start + TimeDelta::hours(1);
        for status in Status::ALL {
            for suspended_at in [None, Some(start)] {
                let gate =
                    Gate { status, suspended_at, starts_at: Some(start), ends_at: Some(end) };
                for (at, in_time) in
                    [(start - tick, false), (start, true), (end - tick, true), (end, false)]
                {
                    let accepts = status == Active && suspended_at.is_none() && in_time;
                    assert_eq!(gate.accepts_gifts(at).is_ok(), accepts, "{gate:?} at {at}");
                }
            }
        }
        let gate = Gate { status: Active, suspended_at: None, starts_at: None, ends_at: None };
        assert_eq!(gate.accepts_gifts(start), Ok(()));
    }
}
