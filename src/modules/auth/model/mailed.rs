//! What is mailed to people, and how long it is good.

use chrono::TimeDelta;

/// What a mailed token is for. Each can be used once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To prove that an address is the user's.
    VerifyEmail,
    /// To set a new password without the old one.
    PasswordReset,
    /// To see what was given with an address, without an account.
    MagicLink,
}

impl Purpose {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::PasswordReset => "password_reset",
            Self::MagicLink => "magic_link",
        }
    }

    /// How long its token can be used.
    pub const fn lifetime(self) -> TimeDelta {
        match self {
            Self::VerifyEmail => TimeDelta::days(3),
            Self::PasswordReset => TimeDelta::hours(1),
            Self::MagicLink => TimeDelta::minutes(15),
        }
    }
}

/// A mail's text.
#[derive(Debug, PartialEq, Eq)]
pub struct Letter {
    pub subject: &'static str,
    pub body: String,
}

impl Letter {
    /// The mail that carries a token.
    pub fn with_token(purpose: Purpose, token: &str) -> Self {
        let (subject, before, after) = match purpose {
            Purpose::VerifyEmail => (
                "Please confirm your e-mail address",
                "Somebody, hopefully you, has opened an account at CareForAll with this address. To \
                 confirm that it is yours, use this code within three days:",
                "If it was not you, do nothing. Above all, do not use or pass on the code.",
            ),
            Purpose::PasswordReset => (
                "Set a new password",
                "To set a new password for your account at CareForAll, use this code within an hour:",
                "If you did not ask for it, do nothing: your password stays as it is.",
            ),
            Purpose::MagicLink => (
                "See your gifts",
                "To see what you have given at CareForAll, use this code within 15 minutes:",
                "If you did not ask for it, do nothing: nobody else sees your gifts without it.",
            ),
        };
        Self { subject, body: format!("{before}\n\n    {token}\n\n{after}\n") }
    }

    /// To the owner of an account whose password is another one now.
    pub fn password_changed() -> Self {
        let body = "The password of your account at CareForAll was changed, and all other sessions \
                    were ended.\n\nIf it was not you, ask for a new password at once.\n";
        Self { subject: "Your password was changed", body: body.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_carries_its_token_on_a_line_of_its_own() {
        for purpose in [Purpose::VerifyEmail, Purpose::PasswordReset, Purpose::MagicLink] {
            let letter = Letter::with_token(purpose, "t0ken");
            assert!(letter.body.lines().any(|line| line.trim() == "t0ken"), "{purpose:?}");
        }
    }
}
