//! A payment at the bank, and what may happen to it.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;

use super::{
    super::schema::payments,
    account::{Account, Insufficient},
    act::{Act, Order, What},
    giving_back::{BankDispute, DisputeStatus},
    method::{Behaviour, INSUFFICIENT_FUNDS, Method},
    words::words,
};
use crate::kernel::{ids::PaymentId, money::Currency};

/// How long money stays set aside.
pub const HOLD: TimeDelta = TimeDelta::hours(24);

words! {
    /// Where a payment is.
    Status {
        AwaitingMethod = "awaiting_method",
        Processing = "processing",
        Authorized = "authorized",
        Captured = "captured",
        Canceled = "canceled",
    }
}

words! {
    /// Who captures: the bank at once, or the merchant later.
    Capture {
        Automatic = "automatic",
        Manual = "manual",
    }
}

/// A payment as the bank keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, AsChangeset)]
#[diesel(table_name = payments, treat_none_as_null = true)]
pub struct BankPayment {
    pub id: String,
    pub payment_id: PaymentId,
    pub amount_minor: i64,
    pub currency: Currency,
    pub capture_method: Capture,
    pub status: Status,
    pub captured_minor: i64,
    pub refunded_minor: i64,
    /// How many times money was taken: never more than once.
    pub captures: i32,
    pub behaviour: Option<Behaviour>,
    pub account_number: Option<String>,
    pub hold_expires_at: Option<DateTime<Utc>>,
    pub client_secret: String,
    pub idempotency_key: String,
    pub created_with: Option<String>,
    pub create_decline: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The merchant's, from the metadata: it comes back with every event.
    pub trace_context: Option<String>,
}

/// Why an act is impossible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error("cannot {act} a payment that is {}", status.as_str())]
    Transition { act: &'static str, status: Status },
    #[error("the account is in {account}, the payment in {payment}")]
    Currency { account: Currency, payment: Currency },
    #[error("the account's holds do not cover this payment")]
    Holds,
    #[error("the hold has ended")]
    Expired,
    #[error("{left} is left to give back")]
    Refund { left: i64 },
    #[error("the dispute is {}", _0.as_str())]
    Dispute(DisputeStatus),
}

impl From<Insufficient> for RuleError {
    fn from(_: Insufficient) -> Self {
        Self::Holds
    }
}

impl BankPayment {
    /// Pays with this method. A decline leaves the payment open for another one.
    pub fn confirm(
        &mut self,
        method: &Method,
        account: Option<&mut Account>,
        now: DateTime<Utc>,
    ) -> Result<Act, RuleError> {
        self.require("confirm", Status::AwaitingMethod)?;
        let behaviour = method.behaviour();
        let mut act = Act { decline: behaviour.decline(), ..Act::default() };
        let mut account = account;
        if let Some(account) = account.as_deref_mut() {
            if account.currency != self.currency {
                let (account, payment) = (account.currency, self.currency);
                return Err(RuleError::Currency { account, payment });
            }
            match account.hold(self.amount_minor) {
                Ok(entry) => act.entries.push(entry),
                Err(Insufficient) => act.decline = Some(INSUFFICIENT_FUNDS),
            }
        }
        (self.behaviour, self.updated_at) = (Some(behaviour), now);
        if act.decline.is_some() {
            act.say(What::Failed, self.amount_minor, Order::AtOnce);
            return Ok(act);
        }
        self.account_number = account.as_deref().map(|a| a.account_number.clone());
        self.status = Status::Authorized;
        self.hold_expires_at = Some(now + HOLD);
        act.say(What::Authorized, self.amount_minor, Order::AtOnce);
        if self.capture_method == Capture::Automatic && behaviour != Behaviour::AuthorizeOnly {
            self.take(&mut act, account, now)?;
        }
        Ok(act)
    }

    /// Takes the money that is set aside; does nothing where that was done.
    pub fn capture(
        &mut self,
        account: Option<&mut Account>,
        now: DateTime<Utc>,
    ) -> Result<Act, RuleError> {
        let mut act = Act::default();
        if self.status == Status::Captured {
            return Ok(act);
        }
        self.require("capture", Status::Authorized)?;
        if self.hold_expires_at.is_some_and(|end| end <= now) {
            return Err(RuleError::Expired);
        }
        self.take(&mut act, account, now)?;
        Ok(act)
    }

    /// Ends the hold before its time, as if its time had come.
    pub fn expire(
        &mut self,
        account: Option<&mut Account>,
        now: DateTime<Utc>,
    ) -> Result<Act, RuleError> {
        self.require("expire", Status::Authorized)?;
        self.cancel(account, now)
    }

    /// Makes sure that nothing is captured any more: does nothing once it is too late, or done.
    pub fn cancel(
        &mut self,
        account: Option<&mut Account>,
        now: DateTime<Utc>,
    ) -> Result<Act, RuleError> {
        let mut act = Act::default();
        if matches!(self.status, Status::Captured | Status::Canceled) {
            return Ok(act);
        }
        if let Some(account) = account.filter(|_| self.status == Status::Authorized) {
            act.entries.push(account.release(self.amount_minor)?);
        }
        (self.status, self.hold_expires_at, self.updated_at) = (Status::Canceled, None, now);
        act.say(What::Canceled, self.amount_minor, Order::AtOnce);
        Ok(act)
    }

    fn take(
        &mut self,
        act: &mut Act,
        account: Option<&mut Account>,
        now: DateTime<Utc>,
    ) -> Result<(), RuleError> {
        if let Some(account) = account {
            act.entries.push(account.capture(self.amount_minor)?);
        }
        (self.status, self.hold_expires_at, self.updated_at) = (Status::Captured, None, now);
        (self.captured_minor, self.captures) = (self.amount_minor, self.captures + 1);
        act.say(What::Captured, self.captured_minor, Order::AfterAttempt);
        if self.behaviour == Some(Behaviour::CaptureFirst) {
            act.notices.reverse();
            act.notices.iter_mut().for_each(|n| n.order = Order::AfterAcknowledged);
        }
        if self.behaviour == Some(Behaviour::Dispute) {
            let dispute = BankDispute::new(self, self.captured_minor, DisputeStatus::Open, now);
            act.say(What::DisputeOpened, dispute.amount_minor, Order::AfterAttempt);
            act.dispute = Some(dispute);
        }
        if let Some(first) = act.notices.first_mut() {
            first.order = Order::AtOnce;
        }
        Ok(())
    }

    pub(super) fn require(&self, act: &'static str, status: Status) -> Result<(), RuleError> {
        if self.status == status {
            return Ok(());
        }
        Err(RuleError::Transition { act, status: self.status })
    }
}
