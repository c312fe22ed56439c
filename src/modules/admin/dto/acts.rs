//! What administrators say with an act: at least why.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    kernel::{page::PageQuery, problem::Problem},
    modules::{admin::service::Place, auth::api::Role},
    platform::http::{Checks, text},
};

/// The longest reason, in characters.
const MAX_REASON: usize = 500;

/// Why it is done; kept in the audit log.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Not blank.
    #[schema(
        min_length = 1,
        max_length = 500,
        pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$",
        example = "asked for by the owner"
    )]
    reason: String,
}

impl Reason {
    /// # Errors
    /// `validation-failed`.
    pub fn checked(self) -> Result<String, Problem> {
        reason(&self.reason)
    }
}

/// Why the books are compared; may be left out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    #[schema(
        min_length = 1,
        max_length = 500,
        pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$",
        example = "a donor asked"
    )]
    reason: Option<String>,
    /// `next_cursor` of the request before, to go on where it ended.
    #[schema(max_length = 1024, pattern = r"^[^\x00]*$")]
    cursor: Option<String>,
}

impl RefreshRequest {
    /// Why, and from where on.
    ///
    /// # Errors
    /// `validation-failed`, `invalid-cursor`.
    pub fn checked(self) -> Result<(String, Option<Place>), Problem> {
        let reason = reason(self.reason.as_deref().unwrap_or("refresh of the totals"))?;
        let from = PageQuery { limit: None, cursor: self.cursor }.parse()?.after;
        Ok((reason, from))
    }
}

/// A user's new role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleChange {
    pub role: Role,
    /// Not blank; kept in the audit log.
    #[schema(
        min_length = 1,
        max_length = 500,
        pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$",
        example = "joins the team"
    )]
    reason: String,
}

impl RoleChange {
    /// # Errors
    /// `validation-failed`.
    pub fn checked(self) -> Result<(Role, String), Problem> {
        Ok((self.role, reason(&self.reason)?))
    }
}

fn reason(given: &str) -> Result<String, Problem> {
    let mut checks = Checks::new();
    let reason = checks.take("reason", text(given, 1..=MAX_REASON));
    checks.finish(reason)
}
