//! Money: an integer count of a currency's minor unit. Never a float, never a bare `i64`.

use std::{fmt, str::FromStr};

use diesel::{
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::{Pg, PgValue},
    serialize::{self, Output, ToSql},
    sql_types::Text,
};
use iso_currency::IntoEnumIterator;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An ISO 4217 currency that can be paid in.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, AsExpression, FromSqlRow,
)]
#[diesel(sql_type = Text)]
#[serde(try_from = "String", into = "&'static str")]
pub struct Currency(iso_currency::Currency);

/// The text is no ISO 4217 code of a currency that can be paid in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an ISO 4217 currency code such as USD")]
pub struct UnknownCurrency(String);

impl Currency {
    /// The three capital letters of ISO 4217.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Every currency that can be paid in.
    pub fn all() -> impl Iterator<Item = Self> {
        iso_currency::Currency::iter().filter(|c| c.exponent().is_some()).map(Self)
    }

    /// Digits after the decimal point: JPY 0, USD 2, KWD 3.
    pub fn digits(self) -> u16 {
        self.0.exponent().unwrap_or(0)
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    /// Accepts exactly the capital code; funds and metals (`XAU`, `XXX`), which have no minor
    /// unit, are refused.
    fn from_str(code: &str) -> Result<Self, Self::Err> {
        iso_currency::Currency::from_code(code)
            .filter(|c| c.exponent().is_some() && c.code() == code)
            .map(Self)
            .ok_or_else(|| UnknownCurrency(code.chars().take(16).collect()))
    }
}

impl TryFrom<String> for Currency {
    type Error = UnknownCurrency;

    fn try_from(code: String) -> Result<Self, Self::Error> {
        code.parse()
    }
}

impl From<Currency> for &'static str {
    fn from(currency: Currency) -> Self {
        currency.code()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl utoipa::PartialSchema for Currency {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("ISO 4217 currency code, in capitals"))
            .enum_values(Some(Self::all().map(Self::code)))
            .examples(["USD"])
            .into()
    }
}

impl ToSchema for Currency {
    fn name() -> std::borrow::Cow<'static, str> {
        "Currency".into()
    }
}

impl ToSql<Text, Pg> for Currency {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <str as ToSql<Text, Pg>>::to_sql(self.code(), &mut out.reborrow())
    }
}

impl FromSql<Text, Pg> for Currency {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(<String as FromSql<Text, Pg>>::from_sql(value)?.parse()?)
    }
}

/// An amount of one currency, in its minor unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    pub minor: i64,
    pub currency: Currency,
}

impl Money {
    pub fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }
}

impl fmt::Display for Money {
    /// `25.00 USD`, `25 JPY`, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = usize::from(self.currency.digits());
        let unit = 10_i64.pow(u32::from(self.currency.digits()));
        let (whole, part) = (self.minor / unit, (self.minor % unit).abs());
        let sign = if self.minor < 0 && whole == 0 { "-" } else { "" };
        match digits {
            0 => write!(f, "{sign}{whole} {}", self.currency),
            _ => write!(f, "{sign}{whole}.{part:0digits$} {}", self.currency),
        }
    }
}

/// An amount as a client sends it: a positive integer of minor units. Integers too large for us are
/// kept as the largest we have, so that they are answered as out of range and not as malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AmountMinor(pub i64);

impl<'de> Deserialize<'de> for AmountMinor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = AmountMinor;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a positive integer of minor units")
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<AmountMinor, E> {
                match i64::try_from(value) {
                    Ok(0) => Err(E::invalid_value(serde::de::Unexpected::Unsigned(0), &self)),
                    Ok(minor) => Ok(AmountMinor(minor)),
                    Err(_) => Ok(AmountMinor(i64::MAX)),
                }
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<AmountMinor, E> {
                match u64::try_from(value) {
                    Ok(value) => self.visit_u64(value),
                    Err(_) => Err(E::invalid_value(serde::de::Unexpected::Signed(value), &self)),
                }
            }

            /// An integer beyond 64 bits arrives as a float.
            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<AmountMinor, E> {
                if value >= 1.8e19 {
                    return Ok(AmountMinor(i64::MAX));
                }
                Err(E::invalid_value(serde::de::Unexpected::Float(value), &self))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl utoipa::PartialSchema for AmountMinor {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::Integer)
            .description(Some("Minor units of the currency: cents, yen, fils"))
            .minimum(Some(1))
            .examples([2500])
            .into()
    }
}

impl ToSchema for AmountMinor {
    fn name() -> std::borrow::Cow<'static, str> {
        "AmountMinor".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_units_follow_the_currency() {
        let show = |minor, code: &str| Money::new(minor, code.parse().unwrap()).to_string();
        assert_eq!(show(2500, "USD"), "25.00 USD");
        assert_eq!(show(2500, "JPY"), "2500 JPY");
        assert_eq!(show(2500, "KWD"), "2.500 KWD");
        assert_eq!(show(-5, "EUR"), "-0.05 EUR");
    }

    #[test]
    fn amounts_are_positive_integers_of_any_size() {
        let read = |json: &str| serde_json::from_str::<AmountMinor>(json).map(|a| a.0).ok();
        assert_eq!(read("1"), Some(1));
        for huge in ["9223372036854775807", "9223372036854775808", "1000000000000000000000000"] {
            assert_eq!(read(huge), Some(i64::MAX), "{huge}");
        }
        for bad in ["0", "-1", "1.0", "1.5", "1e3", "\"1\"", "null", "true", "[]"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_capital_codes_of_payable_currencies_are_accepted() {
        for bad in ["usd", "US", "USDX", "XXX", "XAU", "", "U\0D"] {
            assert!(bad.parse::<Currency>().is_err(), "{bad}");
        }
    }
}
