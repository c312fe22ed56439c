//! Sessions: the rules of refresh tokens.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{pg::Pg, prelude::*};
use uuid::Uuid;

use crate::{kernel::ids::UserId, modules::auth::schema::refresh_tokens};

/// How long a refresh token can be used.
pub const REFRESH_LIFETIME: TimeDelta = TimeDelta::days(30);

/// A refresh token as stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = refresh_tokens, check_for_backend(Pg))]
pub struct StoredToken {
    pub id: Uuid,
    pub family_id: Uuid,
    pub user_id: UserId,
    pub expires_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A session, as its user sees it: the one token of the family that can still be used.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = refresh_tokens, check_for_backend(Pg))]
pub struct OpenSession {
    /// The family. It was drawn at the sign-in, and its own time is that of the sign-in.
    #[diesel(column_name = family_id)]
    pub id: Uuid,
    #[diesel(column_name = created_at)]
    pub last_used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

impl OpenSession {
    /// When the user signed in, to the millisecond.
    pub fn signed_in_at(&self) -> DateTime<Utc> {
        let (seconds, nanos) = self.id.get_timestamp().map_or((0, 0), |t| t.to_unix());
        let time = i64::try_from(seconds).ok().and_then(|s| DateTime::from_timestamp(s, nanos));
        time.unwrap_or(self.last_used_at)
    }
}

/// What a presented refresh token deserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Rotate,
    /// Expired or revoked: refused, nothing else.
    Refuse,
    /// Used before: whoever has it, somebody stole something.
    RevokeFamily,
}

impl StoredToken {
    pub fn judge(&self, now: DateTime<Utc>) -> Verdict {
        match self {
            Self { revoked_at: Some(_), .. } => Verdict::Refuse,
            Self { used_at: Some(_), .. } => Verdict::RevokeFamily,
            Self { expires_at, .. } if *expires_at <= now => Verdict::Refuse,
            _ => Verdict::Rotate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::clock;

    #[test]
    fn a_used_refresh_token_condemns_its_family() {
        let now = clock::now();
        let fresh = StoredToken {
            id: clock::new_id(),
            family_id: clock::new_id(),
            user_id: UserId::generate(),
            expires_at: now + REFRESH_LIFETIME,
            used_at: None,
            revoked_at: None,
        };
        assert_eq!(fresh.judge(now), Verdict::Rotate);
        assert_eq!(fresh.judge(fresh.expires_at), Verdict::Refuse);
        let used = StoredToken { used_at: Some(now), ..fresh.clone() };
        assert_eq!(used.judge(now), Verdict::RevokeFamily);
        let revoked = StoredToken { revoked_at: Some(now), ..used };
        assert_eq!(revoked.judge(now), Verdict::Refuse);
    }

    #[test]
    fn a_session_tells_when_it_began() {
        let now = clock::now();
        let session = OpenSession { id: clock::new_id(), last_used_at: now, expires_at: now };
        assert!((session.signed_in_at() - now).abs() < TimeDelta::seconds(1));
    }
}
