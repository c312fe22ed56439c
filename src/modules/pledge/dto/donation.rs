//! A gift, as everybody may see it.

use chrono::{DateTime, Datelike, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    kernel::{
        email::Email,
        page::{PageError, PageQuery, PageRequest},
    },
    modules::pledge::{repo::DonationKey, service::Donation},
};

/// A gift for which money was captured. Amounts are in the campaign's currency.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Donation)]
pub struct DonationBody {
    /// `null` when the donor wished it, or gave no name.
    #[schema(required, example = "Ada")]
    pub display_name: Option<String>,
    /// All that was ever captured for it.
    #[schema(minimum = 0, example = 2500)]
    pub amount_minor: i64,
    #[schema(minimum = 0, example = 0)]
    pub refunded_minor: i64,
    #[schema(required, example = "Keep going!")]
    pub message: Option<String>,
    /// When money was first captured for it.
    #[schema(required, value_type = DateTime<Utc>)]
    pub captured_at: Option<DateTime<Utc>>,
}

impl From<Donation> for DonationBody {
    fn from(donation: Donation) -> Self {
        let pledge = donation.pledge;
        // an address may have been typed where the name belongs
        let told = |name: &String| !pledge.anonymous && name.parse::<Email>().is_err();
        Self {
            display_name: pledge.donor_name.filter(told),
            amount_minor: donation.captured_minor,
            refunded_minor: pledge.refunded_minor,
            message: pledge.message,
            captured_at: pledge.captured_at,
        }
    }
}

/// Reads the page of a list of donations.
///
/// # Errors
/// [`PageError`], also for a forged cursor with a time that Postgres does not know.
pub fn donations_page(query: &PageQuery) -> Result<PageRequest<DonationKey>, PageError> {
    let page = query.parse::<DonationKey>()?;
    match page.after {
        Some((at, _)) if !(1..=9999).contains(&at.year()) => Err(PageError::Cursor),
        _ => Ok(page),
    }
}
