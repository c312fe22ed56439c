//! E-mail addresses, parsed once at the edge.

use std::{fmt, str::FromStr};

use garde::rules::email::parse_email;

/// An address in normal form: trimmed and in lower case, so that one donor is one donor.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

/// The text is no e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a valid e-mail address")]
pub struct InvalidEmail;

/// The longest address that can be delivered to (RFC 5321, section 4.5.3.1.3).
const MAX_BYTES: usize = 254;

impl Email {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let normal = text.trim().to_lowercase();
        if normal.len() > MAX_BYTES || normal.chars().any(char::is_control) {
            return Err(InvalidEmail);
        }
        parse_email(&normal).map_err(|_| InvalidEmail)?;
        Ok(Self(normal))
    }
}

impl fmt::Debug for Email {
    /// Never the address: it would end in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_normalised_and_junk_is_refused() {
        assert_eq!(" Ada@Example.ORG ".parse::<Email>().unwrap().as_str(), "ada@example.org");
        for bad in ["", "a", "a@", "@b.c", "a b@c.de", "a@b.de\0", "a@b.de, c@d.de"] {
            assert!(bad.parse::<Email>().is_err(), "{bad:?}");
        }
        assert!(format!("{}@example.org", "a".repeat(250)).parse::<Email>().is_err());
    }
}
