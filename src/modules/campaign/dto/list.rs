//! What a list of campaigns can be asked for.

use chrono::Datelike;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::input::MAX_CATEGORY;
use crate::{
    kernel::{
        page::{PageError, PageQuery, PageRequest},
        problem::Problem,
    },
    modules::campaign::{model::Status, repo::ListKey},
};

/// In which order campaigns are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CampaignSort)]
enum Sort {
    Newest,
}

/// Filters and page of `GET /campaigns`.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only campaigns that are in this status now.
    #[param(inline)]
    pub status: Option<Status>,
    /// Only campaigns of exactly this category.
    #[param(min_length = 1, max_length = 50, pattern = r"^[^\x00]*$", example = "water")]
    pub category: Option<String>,
    /// In which order: `newest` first unless told.
    #[param(inline)]
    #[allow(dead_code, reason = "there is one order so far; asking for it is fine")]
    sort: Option<Sort>,
    /// How many items to return: 1 to 100, 20 unless told.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 1024, pattern = r"^[^\x00]*$")]
    pub cursor: Option<String>,
}

impl ListQuery {
    /// Checks the filters and reads the cursor.
    pub fn page(&self) -> Result<PageRequest<ListKey>, Problem> {
        let length = self.category.as_ref().map_or(1, |category| category.chars().count());
        if !(1..=MAX_CATEGORY).contains(&length) {
            let message = format!("must have 1 to {MAX_CATEGORY} characters");
            return Err(Problem::field("category", "out-of-range", message));
        }
        let query = PageQuery { limit: self.limit, cursor: self.cursor.clone() };
        let page = query.parse::<ListKey>()?;
        // a cursor is no secret and could be forged with a time that Postgres does not know
        match page.after {
            Some((at, _)) if !(1..=9999).contains(&at.year()) => Err(PageError::Cursor.into()),
            _ => Ok(page),
        }
    }
}
