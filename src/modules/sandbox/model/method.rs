//! Payment methods: what the donor pays with, and what the bank does when it is used.

use std::str::FromStr;

use super::words::words;

words! {
    /// What a payment method makes the bank do.
    Behaviour {
        Success = "pm_success",
        Declined = "pm_declined",
        InsufficientFunds = "pm_insufficient_funds",
        AuthorizeOnly = "pm_authorize_only",
        CaptureFirst = "pm_capture_first",
        Duplicates = "pm_duplicates",
        Silent = "pm_silent",
        RefundFails = "pm_refund_fails",
        Dispute = "pm_dispute",
        Account = "account",
    }
}

/// A scripted method, or an account with real funds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    Scripted(Behaviour),
    Account(String),
}

/// The text is no payment method of this bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no payment method of the sandbox bank")]
pub struct UnknownMethod;

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, UnknownMethod> {
        if let Some(number) = text.strip_prefix("account:") {
            let number = account_number(number).ok_or(UnknownMethod)?;
            return Ok(Self::Account(number.to_owned()));
        }
        let behaviour: Behaviour = text.parse().map_err(|_| UnknownMethod)?;
        if behaviour == Behaviour::Account {
            return Err(UnknownMethod);
        }
        Ok(Self::Scripted(behaviour))
    }
}

impl Method {
    pub fn behaviour(&self) -> Behaviour {
        match self {
            Self::Scripted(behaviour) => *behaviour,
            Self::Account(_) => Behaviour::Account,
        }
    }

    pub fn account_number(&self) -> Option<&str> {
        match self {
            Self::Scripted(_) => None,
            Self::Account(number) => Some(number),
        }
    }
}

impl Behaviour {
    /// Why this method never succeeds.
    pub fn decline(self) -> Option<&'static str> {
        match self {
            Self::Declined => Some("the card was declined"),
            Self::InsufficientFunds => Some(INSUFFICIENT_FUNDS),
            _ => None,
        }
    }

    /// How many times each webhook is sent.
    pub fn copies(self) -> i32 {
        match self {
            Self::Silent => 0,
            Self::Duplicates => 5,
            _ => 1,
        }
    }
}

pub const INSUFFICIENT_FUNDS: &str = "insufficient funds";

/// The text itself, if it has the form of an account number: 12 digits.
pub fn account_number(text: &str) -> Option<&str> {
    (text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_documented_methods_are_known() {
        assert_eq!("pm_success".parse(), Ok(Method::Scripted(Behaviour::Success)));
        assert_eq!("account:000123456789".parse(), Ok(Method::Account("000123456789".into())));
        for bad in
            ["", "account", "account:", "account:1", "account:00012345678x", "pm_x", "PM_success"]
        {
            assert_eq!(bad.parse::<Method>(), Err(UnknownMethod), "{bad}");
        }
    }
}
