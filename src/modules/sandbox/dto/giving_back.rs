//! Refunds and disputes, over the wire.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    kernel::{ids::RefundId, problem::Problem},
    modules::sandbox::model::{BankDispute, BankRefund, MAX_BALANCE, Outcome},
    platform::http::Checks,
};

/// What the bank is to give back, at its own counter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GiveBack {
    /// All that is left unless told.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1000)]
    amount_minor: Option<i64>,
}

/// What the donor wants back from his bank.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenDispute {
    /// All that was captured unless told; may be more.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 2500)]
    amount_minor: Option<i64>,
    /// He only asks: no money moves.
    #[serde(default)]
    inquiry: bool,
}

/// How a dispute ends, for the merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Won,
    Lost,
    /// Of an inquiry: it becomes a dispute.
    Escalated,
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Won => Self::Won,
            Verdict::Lost => Self::Lost,
            Verdict::Escalated => Self::Escalated,
        }
    }
}

/// A dispute to be closed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseDispute {
    pub outcome: Verdict,
}

impl GiveBack {
    pub fn check(&self) -> Result<Option<i64>, Problem> {
        check(self.amount_minor)
    }
}

impl OpenDispute {
    pub fn check(&self) -> Result<(Option<i64>, bool), Problem> {
        Ok((check(self.amount_minor)?, self.inquiry))
    }
}

fn check(amount_minor: Option<i64>) -> Result<Option<i64>, Problem> {
    let mut checks = Checks::new();
    let range = amount_minor.is_none_or(|minor| (1..=MAX_BALANCE).contains(&minor));
    let message = format!("must be between 1 and {MAX_BALANCE}");
    checks.require(range, "amount_minor", "out-of-range", &message);
    checks.finish(Some(amount_minor))
}

/// A refund as the bank sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct BankRefundView {
    #[schema(pattern = "^sbr_[0-9a-f]{32}$", example = "sbr_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f")]
    pub id: String,
    /// Ours, from the metadata; none of one made at the bank's own counter.
    #[schema(required)]
    refund_id: Option<RefundId>,
    #[schema(minimum = 1, example = 1000)]
    amount_minor: i64,
    /// `succeeded` or `failed`.
    #[schema(example = "succeeded")]
    status: &'static str,
    created_at: DateTime<Utc>,
}

impl From<BankRefund> for BankRefundView {
    fn from(refund: BankRefund) -> Self {
        Self {
            id: refund.id,
            refund_id: refund.refund_id,
            amount_minor: refund.amount_minor,
            status: refund.status.as_str(),
            created_at: refund.created_at,
        }
    }
}

/// A dispute as the bank sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct BankDisputeView {
    #[schema(pattern = "^dp_[0-9a-f]{32}$", example = "dp_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f")]
    id: String,
    #[schema(minimum = 1, example = 2500)]
    amount_minor: i64,
    /// `inquiry`, `open`, `won` or `lost`.
    #[schema(example = "open")]
    status: &'static str,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<BankDispute> for BankDisputeView {
    fn from(dispute: BankDispute) -> Self {
        Self {
            id: dispute.id,
            amount_minor: dispute.amount_minor,
            status: dispute.status.as_str(),
            created_at: dispute.created_at,
            updated_at: dispute.updated_at,
        }
    }
}
