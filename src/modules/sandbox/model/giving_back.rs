//! Money that goes back: refunds and disputes.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::{
    super::schema::{disputes, refunds},
    account::Account,
    act::{Act, Order, What},
    method::Behaviour,
    payment::{BankPayment, RuleError, Status},
    words::words,
};
use crate::kernel::{clock, ids::RefundId};

words! {
    /// Where a refund is.
    RefundStatus {
        Succeeded = "succeeded",
        Failed = "failed",
    }
}

words! {
    /// Where a dispute is; an inquiry only asks, and moves no money.
    DisputeStatus {
        Inquiry = "inquiry",
        Open = "open",
        Won = "won",
        Lost = "lost",
    }
}

/// How a dispute or an inquiry goes on, for the merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Won,
    Lost,
    Escalated,
}

/// A refund as the bank keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = refunds, check_for_backend(diesel::pg::Pg))]
pub struct BankRefund {
    pub id: String,
    pub provider_payment_id: String,
    /// The merchant's, from the metadata; none of a refund made at the bank's own counter.
    pub refund_id: Option<RefundId>,
    pub amount_minor: i64,
    pub status: RefundStatus,
    pub idempotency_key: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A dispute as the bank keeps it. It moves money between the bank and the merchant; the donor's
/// account is no part of it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = disputes, check_for_backend(diesel::pg::Pg))]
pub struct BankDispute {
    pub id: String,
    pub provider_payment_id: String,
    /// May be more than was captured.
    pub amount_minor: i64,
    pub status: DisputeStatus,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl BankPayment {
    /// Gives back part or all of what is left. With `pm_refund_fails` the money goes and comes
    /// back: it is said to have succeeded, then to have failed.
    pub fn refund(
        &mut self,
        refund: BankRefund,
        account: Option<&mut Account>,
        now: DateTime<Utc>,
    ) -> Result<Act, RuleError> {
        self.require("refund", Status::Captured)?;
        let left = self.captured_minor - self.refunded_minor;
        let amount = refund.amount_minor;
        if !(1..=left).contains(&amount) {
            return Err(RuleError::Refund { left });
        }
        let mut act = Act::default();
        act.say(What::RefundSucceeded, amount, Order::AtOnce);
        if refund.status == RefundStatus::Failed {
            act.say(What::RefundFailed, amount, Order::AfterAttempt);
        } else {
            if let Some(account) = account {
                act.entries.push(account.refund(amount)?);
            }
            self.refunded_minor += amount;
        }
        self.updated_at = now;
        act.refund = Some(refund);
        Ok(act)
    }

    /// A refund about to be made of this payment.
    pub fn new_refund(
        &self,
        refund_id: Option<RefundId>,
        amount_minor: i64,
        idempotency_key: Option<&str>,
        now: DateTime<Utc>,
    ) -> BankRefund {
        let fails = self.behaviour == Some(Behaviour::RefundFails);
        BankRefund {
            id: format!("sbr_{}", clock::new_id().simple()),
            provider_payment_id: self.id.clone(),
            refund_id,
            amount_minor,
            status: if fails { RefundStatus::Failed } else { RefundStatus::Succeeded },
            idempotency_key: idempotency_key.map(str::to_owned),
            created_at: now,
            updated_at: now,
        }
    }

    /// The donor's side asks for its money back, or only asks.
    pub fn open_dispute(
        &self,
        amount_minor: i64,
        inquiry: bool,
        now: DateTime<Utc>,
    ) -> Result<Act, RuleError> {
        self.require("dispute", Status::Captured)?;
        let (status, what) = if inquiry {
            (DisputeStatus::Inquiry, What::InquiryOpened)
        } else {
            (DisputeStatus::Open, What::DisputeOpened)
        };
        let mut act = Act::default();
        act.say(what, amount_minor, Order::AtOnce);
        act.dispute = Some(BankDispute::new(self, amount_minor, status, now));
        Ok(act)
    }
}

impl BankDispute {
    pub(super) fn new(
        payment: &BankPayment,
        amount_minor: i64,
        status: DisputeStatus,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id: format!("dp_{}", clock::new_id().simple()),
            provider_payment_id: payment.id.clone(),
            amount_minor,
            status,
            created_at: now,
            updated_at: now,
        }
    }

    /// Decides it, once. An inquiry is answered, which moves no money, or becomes a dispute.
    pub fn close(mut self, outcome: Outcome, now: DateTime<Utc>) -> Result<Act, RuleError> {
        let (status, what) = match (self.status, outcome) {
            (DisputeStatus::Open | DisputeStatus::Inquiry, Outcome::Won) => {
                (DisputeStatus::Won, What::DisputeWon)
            }
            (DisputeStatus::Open, Outcome::Lost) => (DisputeStatus::Lost, What::DisputeLost),
            (DisputeStatus::Inquiry, Outcome::Escalated) => {
                (DisputeStatus::Open, What::DisputeOpened)
            }
            _ => return Err(RuleError::Dispute(self.status)),
        };
        (self.status, self.updated_at) = (status, now);
        let mut act = Act::default();
        act.say(what, self.amount_minor, Order::AtOnce);
        act.dispute = Some(self);
        Ok(act)
    }
}
