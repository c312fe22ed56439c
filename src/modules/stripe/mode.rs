//! Test mode and live mode: two worlds that must never be mixed.

use std::fmt;

/// The world that a secret key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// No money moves.
    Test,
    Live,
}

impl Mode {
    /// By the key's own prefix, `sk_` or, restricted, `rk_`. `None`: it is no secret key.
    pub fn of_key(key: &str) -> Option<Self> {
        let rest = key.strip_prefix("sk_").or_else(|| key.strip_prefix("rk_"))?;
        let (mode, secret) = rest.split_once('_')?;
        match mode {
            _ if secret.is_empty() => None,
            "test" => Some(Self::Test),
            "live" => Some(Self::Live),
            _ => None,
        }
    }

    /// Whether an object that says this of itself is of this world. Some kinds of objects do not
    /// say it (a refund, for one); they are reached through others that do.
    pub fn admits(self, livemode: Option<bool>) -> bool {
        livemode.is_none_or(|live| live == (self == Self::Live))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Test => "test",
            Self::Live => "live",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_its_mode() {
        for (key, mode) in [
            ("sk_test_1", Some(Mode::Test)),
            ("rk_test_1", Some(Mode::Test)),
            ("sk_live_1", Some(Mode::Live)),
            ("rk_live_1", Some(Mode::Live)),
            ("pk_live_1", None),
            ("sk_live_", None),
            ("sk_1", None),
            ("", None),
        ] {
            assert_eq!(Mode::of_key(key), mode, "{key}");
        }
    }
}
