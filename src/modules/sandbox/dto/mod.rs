//! What goes over the wire.

mod delivery;
mod fault;
mod giving_back;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

pub use delivery::{DeliveryView, Redeliver, Redelivered};
pub use fault::{FaultView, PlanFault};
pub use giving_back::{BankDisputeView, BankRefundView, CloseDispute, GiveBack, OpenDispute};

use super::{
    model::{Account, BankPayment, MAX_BALANCE, Method},
    repo::AccountTransaction,
};
use crate::{
    kernel::{
        ids::PaymentId,
        money::{Currency, Money},
        problem::Problem,
    },
    platform::http::Checks,
};

/// An account to be opened.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenAccount {
    /// Whose account it is: not blank, no control characters.
    #[schema(
        min_length = 1,
        max_length = 200,
        example = "Ada Lovelace",
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$"
    )]
    owner_name: String,
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64, example = 100_000)]
    balance_minor: i64,
    currency: Currency,
}

impl OpenAccount {
    pub fn check(self) -> Result<(String, Money), Problem> {
        let mut checks = Checks::new();
        let name = &self.owner_name;
        let shown = !name.chars().any(char::is_control) && name.chars().any(|c| !c.is_whitespace());
        let short = name.chars().count() <= 200;
        let message = "must have 1 to 200 characters, none of control, and not be blank";
        checks.require(shown && short, "owner_name", "invalid", message);
        let range = (0..=MAX_BALANCE).contains(&self.balance_minor);
        let message = format!("must be between 0 and {MAX_BALANCE}");
        checks.require(range, "balance_minor", "out-of-range", &message);
        checks.finish(Some((self.owner_name, Money::new(self.balance_minor, self.currency))))
    }
}

/// An account at the sandbox bank.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountView {
    #[schema(pattern = "^[0-9]{12}$", example = "004915222021")]
    account_number: String,
    #[schema(example = "Ada Lovelace")]
    owner_name: String,
    /// What can be spent.
    #[schema(minimum = 0, example = 97_500)]
    balance_minor: i64,
    /// What is set aside by holds.
    #[schema(minimum = 0, example = 2500)]
    held_minor: i64,
    currency: Currency,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            account_number: account.account_number,
            owner_name: account.owner_name,
            balance_minor: account.balance_minor,
            held_minor: account.held_minor,
            currency: account.currency,
            created_at: account.created_at,
            updated_at: account.updated_at,
        }
    }
}

/// A line of an account's statement.
#[derive(Debug, Serialize, ToSchema)]
pub struct TransactionView {
    #[schema(example = 2)]
    pub id: i64,
    /// `deposit`, `hold`, `capture` (what was held is paid out), `release` or `refund`.
    #[schema(example = "hold")]
    kind: &'static str,
    #[schema(minimum = 0, example = 2500)]
    amount_minor: i64,
    /// What could be spent afterwards.
    #[schema(minimum = 0, example = 97_500)]
    balance_minor: i64,
    /// What was set aside afterwards.
    #[schema(minimum = 0, example = 2500)]
    held_minor: i64,
    /// The payment it was for; absent for the deposit.
    #[schema(required, example = "sbx_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f")]
    provider_payment_id: Option<String>,
    created_at: DateTime<Utc>,
}

impl From<AccountTransaction> for TransactionView {
    fn from(line: AccountTransaction) -> Self {
        Self {
            id: line.id,
            kind: line.kind.as_str(),
            amount_minor: line.amount_minor,
            balance_minor: line.balance_minor,
            held_minor: line.held_minor,
            provider_payment_id: line.provider_payment_id,
            created_at: line.created_at,
        }
    }
}

/// What the donor pays with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmPayment {
    /// `pm_success`, `pm_declined`, …, or `account:<account_number>`.
    #[schema(
        pattern = r"^(pm_(success|declined|insufficient_funds|authorize_only|capture_first|duplicates|silent|refund_fails|dispute)|account:[0-9]{12})$",
        example = "pm_success"
    )]
    payment_method: String,
}

impl ConfirmPayment {
    pub fn check(&self) -> Result<Method, Problem> {
        let mut checks = Checks::new();
        let method = checks.take("payment_method", self.payment_method.parse());
        checks.finish(method)
    }
}

/// A payment as the bank sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct BankPaymentView {
    #[schema(pattern = "^sbx_[0-9a-f]{32}$", example = "sbx_01938f1e7c1a7c3e9f6e0a4b5c6d7e8f")]
    pub id: String,
    /// Ours, from the metadata.
    payment_id: PaymentId,
    /// `awaiting_method`, `processing`, `authorized`, `captured` or `canceled`.
    #[schema(example = "captured")]
    status: &'static str,
    #[schema(minimum = 1, example = 2500)]
    amount_minor: i64,
    /// All that was ever captured.
    #[schema(minimum = 0, example = 2500)]
    captured_minor: i64,
    #[schema(minimum = 0, example = 0)]
    refunded_minor: i64,
    /// How many times money was taken.
    #[schema(minimum = 0, example = 1)]
    captures: i32,
    currency: Currency,
    /// `automatic` or `manual`.
    #[schema(example = "automatic")]
    capture_method: &'static str,
    /// The account it was paid from.
    #[schema(required, example = "004915222021")]
    account_number: Option<String>,
    /// When the money that is set aside goes back.
    #[schema(required)]
    hold_expires_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<BankPayment> for BankPaymentView {
    fn from(payment: BankPayment) -> Self {
        Self {
            id: payment.id,
            payment_id: payment.payment_id,
            status: payment.status.as_str(),
            amount_minor: payment.amount_minor,
            captured_minor: payment.captured_minor,
            refunded_minor: payment.refunded_minor,
            captures: payment.captures,
            currency: payment.currency,
            capture_method: payment.capture_method.as_str(),
            account_number: payment.account_number,
            hold_expires_at: payment.hold_expires_at,
            created_at: payment.created_at,
            updated_at: payment.updated_at,
        }
    }
}

/// Which of the bank's payments to list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BankPaymentsQuery {
    /// Our payment id, as the bank has it in its metadata.
    pub payment_id: Uuid,
    /// How many items to return: 1 to 100, 20 unless told.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 1024, pattern = r"^[^\x00]*$")]
    pub cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema;

    use super::{super::model::Behaviour, *};

    #[test]
    fn the_documented_pattern_names_every_method() {
        let schema = serde_json::to_value(ConfirmPayment::schema()).unwrap();
        let pattern = schema["properties"]["payment_method"]["pattern"].as_str().unwrap();
        for behaviour in Behaviour::ALL {
            let name = behaviour.as_str().trim_start_matches("pm_");
            assert!(pattern.contains(name), "{name} is missing");
        }
    }

    #[test]
    fn names_and_amounts_out_of_form_are_refused() {
        let open = |name: &str, balance_minor| {
            let currency = "USD".parse().unwrap();
            OpenAccount { owner_name: name.into(), balance_minor, currency }.check().is_ok()
        };
        assert!(open("Ada", 0) && open(&"é".repeat(200), MAX_BALANCE));
        for (name, balance) in
            [("", 0), (" \u{a0}", 0), ("a\nb", 0), ("a", -1), ("a", MAX_BALANCE + 1)]
        {
            assert!(!open(name, balance), "{name:?} {balance}");
        }
        assert!(!open(&"é".repeat(201), 0));
    }
}
