//! What clients say of campaigns.
#![allow(clippy::option_option, reason = "absent, null and a value are three things to a PATCH")]

use chrono::{DateTime, Datelike, SubsecRound, Utc};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::{
    kernel::{money::Currency, problem::Problem},
    modules::campaign::model::{Changes, Draft, MAX_GOAL_MINOR},
    platform::http::{Checks, text},
};

const MAX_TITLE: usize = 200;
const MAX_DESCRIPTION: usize = 20_000;
pub const MAX_CATEGORY: usize = 50;

/// A new campaign, a draft until it is published.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCampaign {
    /// White space around it is removed.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$",
        example = "Wells for Turkana"
    )]
    title: String,
    /// White space around it is removed; may be empty.
    #[schema(
        max_length = 20_000,
        pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$",
        example = "Clean water for twelve villages."
    )]
    description: String,
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000_i64, example = 1_000_000)]
    goal_minor: i64,
    currency: Currency,
    /// Any word; lists are filtered by exactly this one.
    #[schema(
        min_length = 1,
        max_length = 50,
        pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$",
        example = "water"
    )]
    category: Option<String>,
    #[schema(value_type = Option<DateTime<Utc>>, example = "2030-01-01T00:00:00Z")]
    starts_at: Option<String>,
    /// In the future, and later than `starts_at`.
    #[schema(value_type = Option<DateTime<Utc>>, example = "2030-03-01T00:00:00Z")]
    ends_at: Option<String>,
    /// Whether gifts are taken beyond the goal; `true` unless told.
    #[schema(default = true)]
    allow_overfunding: Option<bool>,
}

/// What to change. What is left out stays; `null` takes a value away where there may be none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateCampaign {
    #[serde(default, deserialize_with = "present")]
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$",
        example = "Wells for Turkana"
    )]
    title: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(
        nullable = false,
        max_length = 20_000,
        pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$",
        example = "Clean water for twelve villages."
    )]
    description: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(
        nullable = false,
        minimum = 1,
        maximum = 1_000_000_000_000_000_i64,
        example = 2_000_000
    )]
    goal_minor: Option<i64>,
    /// Fixed once the campaign is published.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    currency: Option<Currency>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 50, pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$", example = "water")]
    category: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<DateTime<Utc>>, example = "2030-01-01T00:00:00Z")]
    starts_at: Option<Option<String>>,
    /// When changed, in the future; later than `starts_at`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<DateTime<Utc>>, example = "2030-04-01T00:00:00Z")]
    ends_at: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    allow_overfunding: Option<bool>,
}

/// Nothing to say: no body, or `{}`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoBody {}

/// Tells `null`, which `T` may or may not take, from absent.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

impl TryFrom<CreateCampaign> for Draft {
    type Error = Problem;

    fn try_from(input: CreateCampaign) -> Result<Self, Problem> {
        let mut checks = Checks::new();
        let title = checks.take("title", bounded(&input.title, 1, MAX_TITLE));
        let description =
            checks.take("description", bounded(&input.description, 0, MAX_DESCRIPTION));
        let category = input.category.map(|c| bounded(&c, 1, MAX_CATEGORY)).transpose();
        let category = checks.take("category", category);
        let goal_minor = checks.take("goal_minor", goal(input.goal_minor));
        let starts_at = checks.take("starts_at", input.starts_at.as_deref().map(time).transpose());
        let ends_at = checks.take("ends_at", input.ends_at.as_deref().map(time).transpose());
        let draft = || {
            Some(Self {
                title: title?,
                description: description?,
                category: category?,
                goal_minor: goal_minor?,
                currency: input.currency,
                starts_at: starts_at?,
                ends_at: ends_at?,
                allow_overfunding: input.allow_overfunding.unwrap_or(true),
            })
        };
        checks.finish(draft())
    }
}

impl TryFrom<UpdateCampaign> for Changes {
    type Error = Problem;

    fn try_from(input: UpdateCampaign) -> Result<Self, Problem> {
        let mut checks = Checks::new();
        let title = input.title.map(|t| bounded(&t, 1, MAX_TITLE)).transpose();
        let title = checks.take("title", title);
        let description = input.description.map(|d| bounded(&d, 0, MAX_DESCRIPTION)).transpose();
        let description = checks.take("description", description);
        let category = nullable(input.category, |c| bounded(c, 1, MAX_CATEGORY));
        let category = checks.take("category", category);
        let goal_minor = checks.take("goal_minor", input.goal_minor.map(goal).transpose());
        let starts_at = checks.take("starts_at", nullable(input.starts_at, time));
        let ends_at = checks.take("ends_at", nullable(input.ends_at, time));
        let changes = || {
            Some(Self {
                title: title?,
                description: description?,
                category: category?,
                goal_minor: goal_minor?,
                currency: input.currency,
                starts_at: starts_at?,
                ends_at: ends_at?,
                allow_overfunding: input.allow_overfunding,
            })
        };
        checks.finish(changes())
    }
}

/// [`text`], whose white space counts too: what is accepted is what the schema says.
fn bounded(value: &str, least: usize, most: usize) -> Result<String, String> {
    if value.chars().count() > most {
        return Err(format!("must have {least} to {most} characters"));
    }
    text(value, least..=most)
}

fn goal(minor: i64) -> Result<i64, String> {
    let range = 1..=MAX_GOAL_MINOR;
    range.contains(&minor).then_some(minor).ok_or(format!("must be 1 to {MAX_GOAL_MINOR}"))
}

/// A time as RFC 3339 writes it, cut to the microseconds that are kept.
fn time(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|time| time.to_utc().trunc_subsecs(6))
        .filter(|time| (1..=9999).contains(&time.year()))
        .ok_or_else(|| "must be a time such as 2030-03-01T00:00:00Z".to_owned())
}

fn nullable<T>(
    value: Option<Option<String>>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<Option<T>>, String> {
    value.map(|inner| inner.as_deref().map(parse).transpose()).transpose()
}

#[cfg(test)]
#[path = "input_tests.rs"]
mod tests;
