//! People: who has an account, and what is asked of one.

use std::fmt;

use chrono::{DateTime, Utc};
use diesel::{
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::{Pg, PgValue},
    prelude::*,
    serialize::{self, Output, ToSql},
    sql_types::Text,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    kernel::{
        email::{Email, InvalidEmail},
        ids::UserId,
        problem::Problem,
    },
    modules::auth::{error::AuthError, schema::users},
    platform::{http::Checks, postgres::DbError},
};

/// What a person may do beyond what is their own.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, AsExpression, FromSqlRow,
)]
#[diesel(sql_type = Text)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Donor,
    Admin,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Donor => "donor",
            Self::Admin => "admin",
        }
    }
}

impl ToSql<Text, Pg> for Role {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <str as ToSql<Text, Pg>>::to_sql(self.as_str(), &mut out.reborrow())
    }
}

impl FromSql<Text, Pg> for Role {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match <String as FromSql<Text, Pg>>::from_sql(value)?.as_str() {
            "donor" => Ok(Self::Donor),
            "admin" => Ok(Self::Admin),
            other => Err(format!("no role: {other}").into()),
        }
    }
}

/// A person with an account. Their password's hash stays in the database.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(Pg))]
pub struct User {
    pub id: UserId,
    /// In normal form, as [`Email`] makes it.
    pub email: String,
    pub name: String,
    pub role: Role,
    pub created_at: DateTime<Utc>,
    pub version: i64,
}

impl fmt::Debug for User {
    /// Neither name nor address: they would end in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User({}, {:?})", self.id, self.role)
    }
}

impl User {
    /// # Errors
    /// Only if the row was changed by hand.
    pub fn address(&self) -> Result<Email, AuthError> {
        parse_stored(&self.email)
    }

    /// What others know of the person, and would try as a password.
    pub fn known(&self) -> Vec<String> {
        known(&self.email, &self.name)
    }
}

/// An address that was normal when it was stored.
pub fn parse_stored(email: &str) -> Result<Email, AuthError> {
    email.parse().map_err(|error| {
        DbError::Query(diesel::result::Error::DeserializationError(Box::<InvalidEmail>::new(error)))
            .into()
    })
}

fn known(email: &str, name: &str) -> Vec<String> {
    let mailbox = email.split('@').next().unwrap_or_default();
    let words = name.split_whitespace().chain([name, email, mailbox, "careforall"]);
    let joined = [name, mailbox].map(|text| text.replace(|c: char| !c.is_alphanumeric(), ""));
    words.chain(joined.iter().map(String::as_str)).map(str::to_lowercase).collect()
}

/// Someone about to get an account; everything is checked, the password not yet hashed.
pub struct Registration {
    pub email: Email,
    pub name: String,
    pub password: Password,
}

impl Registration {
    /// What others know of the person, and would try as a password.
    pub fn known(&self) -> Vec<String> {
        known(self.email.as_str(), &self.name)
    }

    /// # Errors
    /// `validation-failed` with every mistake.
    pub fn parse(email: &str, password: &str, name: &str) -> Result<Self, Problem> {
        let mut checks = Checks::new();
        let email = checks.take("email", email.parse::<Email>());
        let password = checks.take("password", Password::parse(password));
        let name = checks.take("name", parse_name(name));
        let all = email.zip(password).zip(name);
        checks.finish(all.map(|((email, password), name)| Self { email, name, password }))
    }
}

/// What somebody signs in with: any password is compared, whatever its form.
#[derive(Debug)]
pub struct Credentials {
    pub email: Email,
    pub password: SecretString,
}

/// A password that is long enough to be set.
#[derive(Debug, Clone)]
pub struct Password(SecretString);

impl Password {
    pub const MIN_CHARS: usize = 12;
    pub const MAX_CHARS: usize = 128;

    /// # Errors
    /// A sentence that names the bounds.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !(Self::MIN_CHARS..=Self::MAX_CHARS).contains(&text.chars().count()) {
            let (min, max) = (Self::MIN_CHARS, Self::MAX_CHARS);
            return Err(format!("must have {min} to {max} characters"));
        }
        Ok(Self(text.into()))
    }

    pub fn into_secret(self) -> SecretString {
        self.0
    }
}

/// The longest name, in characters.
pub const MAX_NAME_CHARS: usize = 200;

/// A person's name: one line, trimmed, of 1 to [`MAX_NAME_CHARS`] characters.
///
/// # Errors
/// A sentence that names the rule.
pub fn parse_name(text: &str) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        return Err("must not contain control characters".to_owned());
    }
    if text.chars().count() > MAX_NAME_CHARS || text.trim().is_empty() {
        return Err(format!("must have 1 to {MAX_NAME_CHARS} characters"));
    }
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn passwords_are_counted_in_characters_and_kept_as_they_are() {
        assert!(Password::parse("elevenchars").is_err());
        assert!(Password::parse("ÄÖÜäöüß🦀🦀🦀🦀🦀").is_ok(), "12 characters, 31 bytes");
        assert!(Password::parse(&"x".repeat(129)).is_err());
        let spaced = Password::parse("  two spaces, tab\t").unwrap();
        assert_eq!(spaced.into_secret().expose_secret(), "  two spaces, tab\t");
    }

    #[test]
    fn names_are_one_trimmed_line() {
        assert_eq!(parse_name("  Ada Lovelace ").unwrap(), "Ada Lovelace");
        for bad in ["", "  ", "a\nb", "a\u{7f}", &"x".repeat(201)] {
            assert!(parse_name(bad).is_err(), "{bad:?}");
        }
    }
}
