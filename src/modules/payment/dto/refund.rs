//! Refunds as they go over the wire.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::repo::RefundRow;
use crate::{
    kernel::{
        ids::{PaymentId, RefundId},
        money::Currency,
        problem::Problem,
    },
    platform::http::Checks,
};

const REASON_CHARS: usize = 500;

/// How much is to be given back.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRefund {
    /// All that is left unless given.
    #[schema(minimum = 1, example = 1000)]
    pub amount_minor: Option<i64>,
    #[schema(max_length = 500, pattern = r"^[^\x00]*$", example = "asked for by the donor")]
    pub reason: Option<String>,
}

impl CreateRefund {
    pub fn check(self) -> Result<Self, Problem> {
        let mut checks = Checks::new();
        let positive = self.amount_minor.is_none_or(|minor| minor > 0);
        checks.require(positive, "amount_minor", "out-of-range", "must be positive");
        let reason = self.reason.as_deref().unwrap_or_default();
        let fits = reason.chars().count() <= REASON_CHARS && !reason.contains('\0');
        let message = "must have at most 500 characters, none of them NUL";
        checks.require(fits, "reason", "invalid", message);
        checks.finish(Some(self))
    }
}

/// What an act without a body takes: nothing, or `{}`.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A refund.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefundBody {
    pub id: RefundId,
    pub payment_id: PaymentId,
    #[schema(minimum = 1, example = 1000)]
    pub amount_minor: i64,
    pub currency: Currency,
    /// `requested`: the provider has not answered yet; `pending`: it has not decided yet; `failed`
    /// may come after `succeeded`.
    #[schema(pattern = "^(requested|pending|succeeded|failed)$", example = "succeeded")]
    pub status: String,
    #[schema(required, example = "asked for by the donor")]
    pub reason: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<RefundRow> for RefundBody {
    fn from(row: RefundRow) -> Self {
        Self {
            id: row.id,
            payment_id: row.payment_id,
            amount_minor: row.amount_minor,
            currency: row.currency,
            status: row.status,
            reason: row.reason,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
