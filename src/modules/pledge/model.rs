//! What a pledge is, and how its status follows from its payments.

use chrono::{DateTime, Utc};
use diesel::{Queryable, Selectable};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::schema::pledges;
use crate::kernel::{
    ids::{CampaignId, PaymentId, PledgeId, UserId},
    money::Currency,
};

/// A promise to give.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = pledges, check_for_backend(diesel::pg::Pg))]
pub struct Pledge {
    pub id: PledgeId,
    pub campaign_id: CampaignId,
    pub user_id: Option<UserId>,
    #[diesel(deserialize_as = String)]
    pub status: PledgeStatus,
    pub amount_minor: i64,
    pub refunded_minor: i64,
    pub currency: Currency,
    pub donor_email: String,
    pub donor_hash: String,
    pub donor_name: Option<String>,
    pub anonymous: bool,
    pub message: Option<String>,
    pub metadata: Option<Value>,
    pub payment_id: Option<PaymentId>,
    /// When its donor, or its campaign's end, asked for it to be cancelled. A capture that was
    /// faster still completes it.
    pub cancelled_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub version: i64,
    /// When the first money for it was captured, for good: since then it is one of its campaign's
    /// donations.
    pub captured_at: Option<DateTime<Utc>>,
}

impl Pledge {
    /// What it adds to the campaign's `pledged_minor`, and takes from the goal's room.
    pub fn counted_minor(&self) -> i64 {
        if self.status.counts() { self.amount_minor } else { 0 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PledgeStatus {
    Pending,
    Completed,
    Failed,
    Cancelled,
    Refunded,
    Disputed,
}

/// The text is no status of a pledge.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a pledge status")]
pub struct UnknownStatus(String);

impl PledgeStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
            Self::Disputed => "disputed",
        }
    }

    /// Money was captured for it, whatever became of that since.
    pub const fn was_paid(self) -> bool {
        matches!(self, Self::Completed | Self::Refunded | Self::Disputed)
    }

    /// Pledges that are neither cancelled nor failed count as pledged.
    pub const fn counts(self) -> bool {
        !matches!(self, Self::Cancelled | Self::Failed)
    }
}

impl TryFrom<String> for PledgeStatus {
    type Error = UnknownStatus;

    fn try_from(text: String) -> Result<Self, UnknownStatus> {
        let all = [
            Self::Pending,
            Self::Completed,
            Self::Failed,
            Self::Cancelled,
            Self::Refunded,
            Self::Disputed,
        ];
        all.into_iter().find(|s| s.as_str() == text).ok_or(UnknownStatus(text))
    }
}

/// The newest that is known of one of a pledge's payments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentState {
    pub payment_id: PaymentId,
    pub pledge_id: PledgeId,
    pub version: i64,
    /// `pending`, `failed`, `authorized`, `captured` or `refunded`.
    pub status: String,
    pub captured_minor: i64,
    pub refunded_minor: i64,
    pub disputed_minor: i64,
}

/// The status that follows from all payments of a pledge, and what was refunded of it.
/// Money decides first: what was captured counts even after a cancellation.
pub fn follow(payments: &[PaymentState], cancelled: bool) -> (PledgeStatus, i64) {
    let sum = |amount: fn(&PaymentState) -> i64| payments.iter().map(amount).sum::<i64>();
    let captured = sum(|p| p.captured_minor);
    let refunded = sum(|p| p.refunded_minor);
    let disputed = sum(|p| p.disputed_minor);
    let status = if captured > 0 {
        match captured - refunded - disputed {
            _ if refunded >= captured => PledgeStatus::Refunded,
            left if left <= 0 => PledgeStatus::Disputed,
            _ => PledgeStatus::Completed,
        }
    } else if cancelled {
        PledgeStatus::Cancelled
    } else if !payments.is_empty() && payments.iter().all(|p| p.status == "failed") {
        PledgeStatus::Failed
    } else {
        PledgeStatus::Pending
    };
    (status, refunded)
}

/// Does the text hold what looks like a payment card number: 13 to 19 digits, maybe grouped by
/// single blanks or hyphens, that pass the Luhn check (ISO/IEC 7812-1)? Such numbers must never
/// be stored.
pub fn holds_card_number(text: &str) -> bool {
    let mut run: Vec<u32> = Vec::new();
    let mut gap = false;
    for c in text.chars().chain(['\n']) {
        match c.to_digit(10) {
            Some(digit) => {
                run.push(digit);
                gap = false;
            }
            None if matches!(c, ' ' | '-') && !run.is_empty() && !gap => gap = true,
            None => {
                if is_card_number(&run) {
                    return true;
                }
                run.clear();
                gap = false;
            }
        }
    }
    false
}

/// A run may hold more digits than the number itself, so every window is looked at.
fn is_card_number(digits: &[u32]) -> bool {
    match digits.len() {
        13..=19 => luhn(digits),
        20.. => (13..=19).any(|n| digits.windows(n).any(|w| w[0] != 0 && luhn(w))),
        _ => false,
    }
}

fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| match (i % 2, d * 2) {
            (0, _) => *d,
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|d| *d != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment(status: &str, captured: i64, refunded: i64, disputed: i64) -> PaymentState {
        PaymentState {
            payment_id: PaymentId::generate(),
            pledge_id: PledgeId::generate(),
            version: 1,
            status: status.into(),
            captured_minor: captured,
            refunded_minor: refunded,
            disputed_minor: disputed,
        }
    }

    #[test]
    fn a_pledge_follows_its_payments() {
        use PledgeStatus::{Cancelled, Completed, Disputed, Failed, Pending, Refunded};
        let failed = || payment("failed", 0, 0, 0);
        let captured = |r, d| payment("captured", 100, r, d);
        let cases = [
            (vec![], false, Pending),
            (vec![], true, Cancelled),
            (vec![payment("pending", 0, 0, 0)], false, Pending),
            (vec![payment("authorized", 0, 0, 0)], false, Pending),
            (vec![failed()], false, Failed),
            (vec![failed(), failed()], false, Failed),
            (vec![failed(), payment("pending", 0, 0, 0)], false, Pending),
            (vec![failed()], true, Cancelled),
            (vec![failed(), captured(0, 0)], false, Completed),
            (vec![captured(40, 0)], false, Completed),
            (vec![captured(0, 0)], true, Completed),
            (vec![payment("refunded", 100, 100, 0)], false, Refunded),
            (vec![captured(0, 100)], false, Disputed),
            (vec![captured(40, 60)], false, Disputed),
            (vec![captured(0, 0), payment("refunded", 100, 100, 0)], false, Completed),
        ];
        for (payments, cancelled, expected) in cases {
            assert_eq!(follow(&payments, cancelled).0, expected, "{payments:?} {cancelled}");
        }
        assert_eq!(follow(&[captured(40, 0)], false).1, 40);
    }

    #[test]
    fn card_numbers_are_found_however_they_are_written() {
        for card in [
            "4242424242424242",
            "my card is 4242 4242 4242 4242, thanks",
            "4242-4242-4242-4242",
            "378282246310005",
            "x4242424242424242y",
            "99994242424242424242",
        ] {
            assert!(holds_card_number(card), "{card}");
        }
        for harmless in
            ["", "4242424242424241", "0000000000000000", "in memory of 1923-2019", "12345"]
        {
            assert!(!holds_card_number(harmless), "{harmless}");
        }
    }
}
