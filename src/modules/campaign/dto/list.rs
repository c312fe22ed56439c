//! What a list of campaigns can be asked for.

use chrono::{DateTime, Datelike, Utc};
use serde::Deserialize;
use utoipa::IntoParams;

use super::input::MAX_CATEGORY;
use crate::{
    kernel::{
        page::{PageError, PageQuery, PageRequest},
        problem::Problem,
    },
    modules::campaign::model::{Place, Selection, Sort, Status},
};

const MAX_WORDS: usize = 200;

/// Filters and page of `GET /campaigns`.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Words to be found in title or description, in any of their forms; `"in this order"`, `or`,
    /// `-without`.
    #[param(min_length = 1, max_length = 200, pattern = r"^[^\x00]*$", example = "clean water")]
    q: Option<String>,
    /// Only campaigns that are in this status now.
    #[param(inline)]
    status: Option<Status>,
    /// Only campaigns of exactly this category.
    #[param(min_length = 1, max_length = 50, pattern = r"^[^\x00]*$", example = "water")]
    category: Option<String>,
    /// In which order: `newest` first unless told. `ending_soon`: the earliest `ends_at` first, those
    /// without one last, and without `status` only what still runs. `most_funded`: what has the
    /// largest part of its goal first, a moment after it was given.
    #[param(inline)]
    sort: Option<Sort>,
    /// How many items to return: 1 to 100, 20 unless told.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 1024, pattern = r"^[^\x00]*$")]
    cursor: Option<String>,
}

impl ListQuery {
    /// Checks the filters and reads the cursor.
    ///
    /// # Errors
    /// 400, naming the parameter; `invalid-cursor` also for one of another order.
    pub fn read(self) -> Result<(Selection, PageRequest<Place>), Problem> {
        bounded("q", self.q.as_ref(), MAX_WORDS)?;
        bounded("category", self.category.as_ref(), MAX_CATEGORY)?;
        let sort = self.sort.unwrap_or_default();
        let page = PageQuery { limit: self.limit, cursor: self.cursor }.parse::<Place>()?;
        // a cursor is no secret and could be forged with a time that Postgres does not know
        let known = |at: DateTime<Utc>| (1..=9999).contains(&at.year());
        if page.after.is_some_and(|p| p.sort() != sort || !p.time().is_none_or(known)) {
            return Err(PageError::Cursor.into());
        }
        let (status, category) = (self.status, self.category);
        Ok((Selection { words: self.q, status, category, sort }, page))
    }
}

fn bounded(name: &'static str, value: Option<&String>, most: usize) -> Result<(), Problem> {
    let length = value.map_or(1, |value| value.chars().count());
    if (1..=most).contains(&length) {
        return Ok(());
    }
    Err(Problem::field(name, "out-of-range", format!("must have 1 to {most} characters")))
}
