//! API keys: how programs act as their user.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{pg::Pg, prelude::*};

use crate::{kernel::ids::ApiKeyId, modules::auth::schema::api_keys};

/// How a secret begins, so that leaked ones can be searched for.
pub const KEY_PREFIX: &str = "cfa_";

/// How many keys a user may have at a time.
pub const MOST_KEYS: i64 = 20;

/// How many characters of the secret its owner recognises it by.
const SHOWN: usize = 12;

/// The time of the last use is noted no more often.
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// A key that can be used.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(Pg))]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub name: String,
    pub prefix: String,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

impl ApiKey {
    /// What may be shown of a secret.
    pub fn prefix_of(secret: &str) -> String {
        secret.chars().take(SHOWN).collect()
    }

    /// Whether a use at `now` is to be noted: not each one is worth a write.
    pub fn worth_noting(last_used_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
        last_used_at.is_none_or(|last| now - last >= NOTED_EVERY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kernel::clock, modules::auth::model::Opaque};

    #[test]
    fn little_is_shown_of_a_secret() {
        let secret = Opaque::with_prefix(KEY_PREFIX).reveal();
        assert_eq!(ApiKey::prefix_of(&secret), secret[..12]);
        assert_eq!(secret.len(), 47);
    }

    #[test]
    fn uses_are_noted_once_a_minute() {
        let now = clock::now();
        assert!(ApiKey::worth_noting(None, now));
        assert!(!ApiKey::worth_noting(Some(now - TimeDelta::seconds(59)), now));
        assert!(ApiKey::worth_noting(Some(now - TimeDelta::seconds(60)), now));
    }
}
