//! How Stripe counts money, after <https://docs.stripe.com/currencies>. It is not ISO 4217: for
//! some currencies the two differ by a factor of 100.

use crate::kernel::money::{Currency, Money};

/// Counted whole. UGX is in Stripe's list as well, but charged in hundredths: see below. MGA has
/// two digits in ISO 4217.
const WHOLE: [&str; 15] = [
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF",
    "XOF", "XPF",
];

/// Without a fraction, yet counted in hundredths, as they once were. HUF and TWD are whole in
/// payouts only, of which there are none here.
const WHOLE_IN_HUNDREDTHS: [&str; 2] = ["ISK", "UGX"];

/// Counted in thousandths, of which the last digit must be 0.
const THOUSANDTHS: [&str; 5] = ["BHD", "JOD", "KWD", "OMR", "TND"];

/// An amount that one side can count and the other cannot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Inexpressible {
    #[error("Stripe does not take {0}")]
    Currency(Currency),
    #[error("Stripe counts {currency} in steps of {step} minor units")]
    Step { currency: Currency, step: i64 },
    #[error("the amount is too large")]
    Large,
    #[error("{0} of Stripe's units are no whole number of minor units")]
    Fraction(i64),
    #[error("`{0}` is no currency that can be paid in")]
    Unknown(String),
}

/// Stripe's integer for an amount of ours.
pub fn to_stripe(money: Money) -> Result<i64, Inexpressible> {
    let Money { minor, currency } = money;
    let (up, down) = factors(currency)?;
    let step = if THOUSANDTHS.contains(&currency.code()) { 10 } else { down };
    if minor % step != 0 {
        return Err(Inexpressible::Step { currency, step });
    }
    (minor / down).checked_mul(up).ok_or(Inexpressible::Large)
}

/// Our minor units for Stripe's integer.
pub fn from_stripe(amount: i64, currency: Currency) -> Result<i64, Inexpressible> {
    let (up, down) = factors(currency)?;
    if amount % up != 0 {
        return Err(Inexpressible::Fraction(amount));
    }
    (amount / up).checked_mul(down).ok_or(Inexpressible::Large)
}

/// Stripe writes the codes in small letters.
pub fn parse(code: &str) -> Result<Currency, Inexpressible> {
    let unknown = || Inexpressible::Unknown(code.chars().take(16).collect());
    code.to_ascii_uppercase().parse().map_err(|_| unknown())
}

/// By what our count is multiplied, and by what it is divided, on the way to Stripe.
fn factors(currency: Currency) -> Result<(i64, i64), Inexpressible> {
    let (ours, theirs) = (i32::from(currency.digits()), digits(currency)?);
    let power = |digits: i32| 10_i64.pow(digits.max(0).unsigned_abs());
    Ok((power(theirs - ours), power(ours - theirs)))
}

/// What is not in Stripe's lists has two digits there; if it has none or more than two in ISO 4217,
/// Stripe does not take it, and guessing would be wrong by a power of ten.
fn digits(currency: Currency) -> Result<i32, Inexpressible> {
    match currency.code() {
        code if WHOLE.contains(&code) => Ok(0),
        code if THOUSANDTHS.contains(&code) => Ok(3),
        code if WHOLE_IN_HUNDREDTHS.contains(&code) => Ok(2),
        _ if currency.digits() == 2 => Ok(2),
        _ => Err(Inexpressible::Currency(currency)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(minor: i64, code: &str) -> Money {
        Money::new(minor, code.parse().unwrap())
    }

    #[test]
    fn amounts_follow_stripes_table_and_not_iso_4217() {
        for (minor, code, stripe) in [
            (2500, "USD", 2500),
            (500, "JPY", 500),
            (5, "ISK", 500),
            (5, "UGX", 500),
            (2500, "HUF", 2500),
            (80_045, "TWD", 80_045),
            (500, "MGA", 5),
            (5120, "KWD", 5120),
            (1000, "TND", 1000),
            (700, "XAF", 700),
        ] {
            assert_eq!(to_stripe(money(minor, code)), Ok(stripe), "{minor} {code}");
            assert_eq!(from_stripe(stripe, code.parse().unwrap()), Ok(minor), "{stripe} {code}");
        }
    }

    #[test]
    fn what_cannot_be_expressed_is_refused() {
        let step =
            |code: &str, step| Err(Inexpressible::Step { currency: code.parse().unwrap(), step });
        assert_eq!(to_stripe(money(5124, "KWD")), step("KWD", 10));
        assert_eq!(to_stripe(money(550, "MGA")), step("MGA", 100));
        for code in ["IQD", "LYD", "CLF", "UYW"] {
            let refused = Err(Inexpressible::Currency(code.parse().unwrap()));
            assert_eq!(to_stripe(money(1000, code)), refused);
        }
        assert_eq!(to_stripe(money(i64::MAX, "ISK")), Err(Inexpressible::Large));
        assert_eq!(from_stripe(550, "ISK".parse().unwrap()), Err(Inexpressible::Fraction(550)));
        assert_eq!(parse("usdc"), Err(Inexpressible::Unknown("usdc".into())));
        assert_eq!(parse("isk"), Ok("ISK".parse().unwrap()));
    }

    proptest! {
        /// Whatever goes to Stripe comes back as it was; the largest amounts of a pledge fit.
        #[test]
        fn what_can_be_expressed_comes_back(minor in 1..=99_999_999_i64, at in 0..1000_usize) {
            let all: Vec<Currency> = Currency::all().collect();
            let currency = all[at % all.len()];
            match to_stripe(Money::new(minor, currency)) {
                Ok(stripe) => prop_assert_eq!(from_stripe(stripe, currency), Ok(minor)),
                Err(Inexpressible::Step { step, .. }) => prop_assert!(minor % step != 0),
                Err(error) => prop_assert_eq!(error, Inexpressible::Currency(currency)),
            }
        }

        #[test]
        fn no_integer_of_stripes_is_too_much_to_read(amount: i64, at in 0..1000_usize) {
            let all: Vec<Currency> = Currency::all().collect();
            let currency = all[at % all.len()];
            if let Ok(minor) = from_stripe(amount, currency) {
                // what is not a multiple of ten could come in, but never go out
                let back = to_stripe(Money::new(minor, currency));
                prop_assert!(back == Ok(amount) || amount % 10 != 0);
            }
        }
    }
}
