//! What the lists can be asked for. Times bound the creation of what is listed: `from` ≤ time < `to`.

use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};

use crate::{
    kernel::{
        ids::{CampaignId, UserId},
        page::{PageError, PageQuery, PageRequest},
        period::Period,
        problem::Problem,
    },
    modules::campaign::api::admin::Status as CampaignStatus,
};

macro_rules! statuses {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($variant,)* }

        impl $name {
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

/// Whether a user may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    Active,
    Suspended,
}

statuses! {
    /// Where a pledge is.
    PledgeState {
        Pending = "pending", Completed = "completed", Failed = "failed",
        Cancelled = "cancelled", Refunded = "refunded", Disputed = "disputed",
    }
}
statuses! {
    /// Where a payment is.
    PaymentState {
        Pending = "pending", Failed = "failed", Authorized = "authorized",
        Captured = "captured", Refunded = "refunded",
    }
}
statuses! {
    /// What became of a webhook.
    WebhookState {
        Pending = "pending", Applied = "applied", Ignored = "ignored",
        Deferred = "deferred", Quarantined = "quarantined", Dead = "dead",
    }
}

/// A list's query: its filters, and what all lists have.
macro_rules! query {
    ($(#[$doc:meta])* $name:ident { $($(#[$meta:meta])* $field:ident: $kind:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub struct $name {
            $($(#[$meta])* pub $field: Option<$kind>,)*
            /// Only what was made then or later.
            pub from: Option<DateTime<Utc>>,
            /// Only what was made before.
            pub to: Option<DateTime<Utc>>,
            /// How many items to return: 1 to 100, 20 unless told.
            #[param(minimum = 1, maximum = 100, default = 20)]
            pub limit: Option<i64>,
            /// `next_cursor` of the page before.
            #[param(max_length = 1024, pattern = r"^[^\x00]*$")]
            pub cursor: Option<String>,
        }

        impl $name {
            /// # Errors
            /// `validation-failed` or `invalid-cursor`.
            pub fn page<K: DeserializeOwned>(&self) -> Result<PageRequest<K>, Problem> {
                Ok(PageQuery { limit: self.limit, cursor: self.cursor.clone() }.parse()?)
            }

            /// # Errors
            /// `validation-failed`.
            pub fn period(&self) -> Result<Period, Problem> {
                period(self.from, self.to)
            }
        }
    };
}

query! {
    /// Filters and page of `GET /admin/users`.
    UsersQuery {
        /// Only those who may sign in, or may not.
        #[param(inline)]
        status: UserStatus,
        /// Only this user.
        user_id: UserId,
    }
}
query! {
    /// Filters and page of `GET /admin/campaigns`.
    CampaignsQuery {
        /// Only campaigns that were last written down so.
        #[param(inline)]
        status: CampaignStatus,
        /// Only this user's campaigns.
        user_id: UserId,
    }
}
query! {
    /// Filters and page of `GET /admin/pledges`.
    PledgesQuery {
        /// Only pledges in this status.
        #[param(inline)]
        status: PledgeState,
        /// Only pledges to this campaign.
        campaign_id: CampaignId,
        /// Only this user's pledges.
        user_id: UserId,
    }
}
query! {
    /// Filters and page of `GET /admin/payments`.
    PaymentsQuery {
        /// Only payments in this status.
        #[param(inline)]
        status: PaymentState,
        /// Only payments to this campaign.
        campaign_id: CampaignId,
    }
}
query! {
    /// Filters and page of `GET /admin/webhook-events`.
    WebhooksQuery {
        /// Only webhooks in this state.
        #[param(inline)]
        status: WebhookState,
    }
}
query! {
    /// Filters and page of `GET /admin/audit-log`.
    AuditQuery {
        /// Only acts of this administrator.
        user_id: UserId,
        /// Only acts upon this campaign.
        campaign_id: CampaignId,
    }
}
query! {
    /// Page of `GET /admin/dead-letters`; its times are those of `parked_at`.
    LettersQuery {}
}

/// A cursor that begins with a time is no secret, and could be forged with one that Postgres does
/// not know.
///
/// # Errors
/// `invalid-cursor`.
pub fn sane<T>(
    page: PageRequest<(DateTime<Utc>, T)>,
) -> Result<PageRequest<(DateTime<Utc>, T)>, Problem> {
    match &page.after {
        Some((at, _)) if !known(*at) => Err(PageError::Cursor.into()),
        _ => Ok(page),
    }
}

fn period(from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> Result<Period, Problem> {
    for (name, time) in [("from", from), ("to", to)] {
        if time.is_some_and(|time| !known(time)) {
            return Err(Problem::field(name, "out-of-range", "must be of the years 1 to 9999"));
        }
    }
    Ok(Period { from, to })
}

fn known(time: DateTime<Utc>) -> bool {
    (1..=9999).contains(&time.year())
}
