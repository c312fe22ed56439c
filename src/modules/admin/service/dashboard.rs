//! The figures of the day: what the read model says now, less what it said when the day began.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AdminService;
use crate::{
    kernel::clock,
    modules::{
        admin::{error::AdminError, repo},
        payment::api::admin as payment,
        totals::api::reconcile as totals,
    },
    platform::{event_bus, postgres::Connection},
};

/// Sums over all published campaigns of one currency, in its minor unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Raised {
    #[schema(example = 30_000)]
    pub pledged_minor: i64,
    #[schema(example = 25_000)]
    pub captured_minor: i64,
    #[schema(example = 5_000)]
    pub refunded_minor: i64,
    #[schema(example = 0)]
    pub disputed_minor: i64,
    #[schema(example = 7)]
    pub donation_count: i64,
}

impl Raised {
    fn since(self, opening: Self) -> Self {
        Self {
            pledged_minor: self.pledged_minor - opening.pledged_minor,
            captured_minor: self.captured_minor - opening.captured_minor,
            refunded_minor: self.refunded_minor - opening.refunded_minor,
            disputed_minor: self.disputed_minor - opening.disputed_minor,
            donation_count: self.donation_count - opening.donation_count,
        }
    }
}

/// By currency code.
pub type ByCurrency = BTreeMap<String, Raised>;

/// What an administrator sees first.
#[derive(Debug)]
pub struct Dashboard {
    /// When the figures of the day begin: at midnight (UTC), or when a server first ran that day.
    pub since: DateTime<Utc>,
    pub today: ByCurrency,
    pub total: ByCurrency,
    /// Webhooks that are not final, by state.
    pub webhooks: BTreeMap<String, i64>,
    pub dead_letters: i64,
    /// What the last comparisons of the books have found, by check.
    pub drift: BTreeMap<String, u64>,
}

impl AdminService {
    pub async fn dashboard(&self) -> Result<Dashboard, AdminError> {
        let mut conn = self.database.conn().await?;
        let total = raised(&mut conn).await?;
        let (since, opening) = repo::open_day(&mut conn, clock::now(), &total).await?;
        let of_today = |(currency, now): (&String, &Raised)| {
            (currency.clone(), now.since(opening.get(currency).copied().unwrap_or_default()))
        };
        Ok(Dashboard {
            since,
            today: total.iter().map(of_today).collect(),
            webhooks: payment::count_webhooks(&mut conn).await?.into_iter().collect(),
            dead_letters: event_bus::count_dead(&mut conn).await?,
            drift: repo::drifts(&repo::standings(&mut conn).await?),
            total,
        })
    }

    /// Notes what had been raised when the day began, once a day.
    pub(super) async fn open_day(&self) -> Result<(), AdminError> {
        let mut conn = self.database.conn().await?;
        if !repo::day_is_open(&mut conn, clock::now()).await? {
            let total = raised(&mut conn).await?;
            repo::open_day(&mut conn, clock::now(), &total).await?;
        }
        Ok(())
    }
}

async fn raised(conn: &mut Connection) -> Result<ByCurrency, AdminError> {
    let rows = totals::raised(conn).await?;
    let row = |row: totals::Raised| {
        let raised = Raised {
            pledged_minor: row.pledged_minor,
            captured_minor: row.captured_minor,
            refunded_minor: row.refunded_minor,
            disputed_minor: row.disputed_minor,
            donation_count: row.donation_count,
        };
        (row.currency.to_string(), raised)
    };
    Ok(rows.into_iter().map(row).collect())
}
