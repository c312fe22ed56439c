//! An account and its holds. A hold moves money from the balance to the held part, a capture takes
//! it from there, a release gives it back, and a refund returns what was captured; nothing else
//! moves money, so it is conserved.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::{super::schema::accounts, words::words};
use crate::kernel::money::Currency;

/// The largest opening balance: the largest integer that every JSON reader keeps exact.
pub const MAX_BALANCE: i64 = 9_007_199_254_740_991;

/// An account at the bank. Amounts are in the minor unit of its currency.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = accounts)]
pub struct Account {
    pub account_number: String,
    pub owner_name: String,
    pub currency: Currency,
    pub balance_minor: i64,
    pub held_minor: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

words! {
    /// Why an account changed.
    EntryKind {
        Deposit = "deposit",
        Hold = "hold",
        Capture = "capture",
        Release = "release",
        Refund = "refund",
    }
}

/// A line of the account's statement, with what was there after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub kind: EntryKind,
    pub amount_minor: i64,
    pub balance_minor: i64,
    pub held_minor: i64,
}

/// The account has not enough for this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Insufficient;

impl Account {
    /// Sets money aside.
    pub fn hold(&mut self, amount: i64) -> Result<Entry, Insufficient> {
        let balance = take(self.balance_minor, amount)?;
        let held = self.held_minor.checked_add(amount).ok_or(Insufficient)?;
        (self.balance_minor, self.held_minor) = (balance, held);
        Ok(self.entry(EntryKind::Hold, amount))
    }

    /// Pays out what was set aside.
    pub fn capture(&mut self, amount: i64) -> Result<Entry, Insufficient> {
        self.held_minor = take(self.held_minor, amount)?;
        Ok(self.entry(EntryKind::Capture, amount))
    }

    /// Gives back what was set aside.
    pub fn release(&mut self, amount: i64) -> Result<Entry, Insufficient> {
        let held = take(self.held_minor, amount)?;
        let balance = self.balance_minor.checked_add(amount).ok_or(Insufficient)?;
        (self.balance_minor, self.held_minor) = (balance, held);
        Ok(self.entry(EntryKind::Release, amount))
    }

    /// Takes back what was paid out.
    pub fn refund(&mut self, amount: i64) -> Result<Entry, Insufficient> {
        let balance = self.balance_minor.checked_add(amount).filter(|_| amount > 0);
        self.balance_minor = balance.ok_or(Insufficient)?;
        Ok(self.entry(EntryKind::Refund, amount))
    }

    /// The first line of the statement.
    pub fn opening(&self) -> Entry {
        self.entry(EntryKind::Deposit, self.balance_minor)
    }

    fn entry(&self, kind: EntryKind, amount_minor: i64) -> Entry {
        let (balance_minor, held_minor) = (self.balance_minor, self.held_minor);
        Entry { kind, amount_minor, balance_minor, held_minor }
    }
}

/// What is left, never less than nothing; amounts are positive.
fn take(from: i64, amount: i64) -> Result<i64, Insufficient> {
    from.checked_sub(amount).filter(|left| *left >= 0 && amount > 0).ok_or(Insufficient)
}
