//! Which campaigns are asked for, and in which order.

use chrono::{DateTime, Utc};
use diesel::Queryable;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Campaign, Status};
use crate::kernel::ids::CampaignId;

/// In which order campaigns are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CampaignSort)]
pub enum Sort {
    #[default]
    Newest,
    /// What ends first comes first, what has no end last.
    EndingSoon,
    /// What has the most of its goal comes first.
    MostFunded,
}

/// What a list is asked for.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Words to be found in title or description, as people type them.
    pub words: Option<String>,
    pub status: Option<Status>,
    pub category: Option<String>,
    pub sort: Sort,
}

/// The place of a campaign in a list, which says in which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    Newest(DateTime<Utc>, CampaignId),
    EndingSoon(Option<DateTime<Utc>>, CampaignId),
    /// How far it is funded, in millionths of its goal.
    MostFunded(i64, CampaignId),
}

/// A campaign in a list.
#[derive(Debug, Clone, Queryable)]
pub struct Listed {
    pub campaign: Campaign,
    /// How far it is funded, in millionths of its goal; read by [`Sort::MostFunded`] only.
    pub funded_ppm: Option<i64>,
}

impl Place {
    pub fn of(listed: &Listed, sort: Sort) -> Self {
        let campaign = &listed.campaign;
        match sort {
            Sort::Newest => Self::Newest(campaign.created_at, campaign.id),
            Sort::EndingSoon => Self::EndingSoon(campaign.ends_at, campaign.id),
            Sort::MostFunded => {
                Self::MostFunded(listed.funded_ppm.unwrap_or_default(), campaign.id)
            }
        }
    }

    pub const fn sort(self) -> Sort {
        match self {
            Self::Newest(..) => Sort::Newest,
            Self::EndingSoon(..) => Sort::EndingSoon,
            Self::MostFunded(..) => Sort::MostFunded,
        }
    }

    /// The time it holds, if any.
    pub const fn time(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Newest(at, _) => Some(at),
            Self::EndingSoon(at, _) => at,
            Self::MostFunded(..) => None,
        }
    }
}
