//! Sessions: a sign-in starts a family of refresh tokens, each of which is used once to get the
//! next. A token used twice was stolen by somebody, before or after: the whole family ends.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::AsyncConnection;
use uuid::Uuid;

use super::AuthService;
use crate::{
    kernel::{
        clock,
        ids::UserId,
        page::{Page, PageRequest},
    },
    modules::auth::{
        api::{SessionHolder, admin::admit},
        error::AuthError,
        model::{Credentials, Opaque, OpenSession, REFRESH_LIFETIME, User, Verdict, guard::Keys},
        repo::{self, NewToken},
    },
    platform::postgres::Connection,
};

/// The tokens of a session, until the next refresh.
pub struct Tokens {
    pub access: String,
    pub refresh: Opaque,
}

/// A session just started.
pub struct Session {
    pub tokens: Tokens,
    pub user: User,
}

/// What became of a presented refresh token. All of these are committed.
enum Rotation {
    Next { user: UserId, family: Uuid, refresh: Opaque },
    Reused { user: UserId, family: Uuid },
    Refused,
}

impl AuthService {
    /// Signs in. Unknown e-mail and wrong password take the same way and the same time, and no
    /// connection is held while the password is hashed. Every try is counted, whoever is meant.
    pub(in crate::modules::auth) async fn login(
        &self,
        who: Credentials,
        address: IpAddr,
    ) -> Result<Session, AuthError> {
        let keys = Keys::new(&who.email, address);
        self.spend_try(&keys).await?;
        let known = {
            let mut conn = self.conn().await?;
            repo::find_credentials(&mut conn, who.email.as_str()).await?
        };
        let (user, hash) = known.unzip();
        let right = self.passwords.verify(who.password, hash.clone()).await?;
        let user = user.filter(|_| right).ok_or(AuthError::InvalidCredentials)?;
        self.give_try_back(&keys).await?;
        let (now, family) = (clock::now(), clock::new_id());
        let mut conn = self.conn().await?;
        let refresh = conn
            .transaction(async |conn| {
                // a password that was changed meanwhile starts no session
                match repo::lock_credentials(conn, user.id).await? {
                    Some((_, same)) if Some(&same) == hash.as_ref() => {
                        admit(conn, user.id).await?;
                        Ok(add_token(conn, user.id, family, now).await?)
                    }
                    _ => Err(AuthError::InvalidCredentials),
                }
            })
            .await?;
        let access = self.keys().issue_access(user.id, family, now);
        Ok(Session { tokens: Tokens { access, refresh }, user })
    }

    /// Takes a refresh token for the next pair. Of several that come with the same token one gets
    /// it; the others end the session.
    pub(in crate::modules::auth) async fn refresh(&self, token: &str) -> Result<Tokens, AuthError> {
        let hash = Opaque::hash_of(token);
        let now = clock::now();
        let mut conn = self.conn().await?;
        let rotation = conn.transaction(async |conn| rotate(conn, &hash, now).await).await?;
        match rotation {
            Rotation::Next { user, family, refresh } => {
                let access = self.keys().issue_access(user, family, now);
                Ok(Tokens { access, refresh })
            }
            Rotation::Reused { user, family } => {
                self.ended.add(family);
                metrics::counter!("auth_refresh_reuse_total").increment(1);
                tracing::warn!(%user, session = %family, "refresh token reused; session ended");
                Err(AuthError::InvalidRefreshToken)
            }
            Rotation::Refused => Err(AuthError::InvalidRefreshToken),
        }
    }

    /// Ends the session of this refresh token, if it is the user's. Otherwise nothing happens, and
    /// nobody is told.
    pub(in crate::modules::auth) async fn logout(
        &self,
        caller: UserId,
        token: &str,
    ) -> Result<(), AuthError> {
        let hash = Opaque::hash_of(token);
        let mut conn = self.conn().await?;
        let ended = conn.transaction(async |conn| {
            repo::lock_user(conn, caller).await?.ok_or(AuthError::AccountGone)?;
            let token = repo::lock_token(conn, &hash).await?;
            let Some(token) = token.filter(|token| token.user_id == caller) else {
                return Ok(None);
            };
            repo::revoke_family(conn, token.family_id, clock::now()).await?;
            Ok::<_, AuthError>(Some(token.family_id))
        });
        if let Some(session) = ended.await? {
            self.ended.add(session);
        }
        Ok(())
    }

    /// The user's sessions that can be continued.
    pub(in crate::modules::auth) async fn list_sessions(
        &self,
        caller: SessionHolder,
        page: &PageRequest<Uuid>,
    ) -> Result<Page<OpenSession>, AuthError> {
        let mut conn = self.conn().await?;
        self.require_open(&mut conn, caller.user_id, caller.session_id).await?;
        let open = repo::list_open(&mut conn, caller.user_id, page, clock::now()).await?;
        Ok(Page::new(open, page.limit, |session| session.id))
    }

    /// Other replicas believe an access token for a moment after its session has ended; with what
    /// gives more than that, the session itself is asked.
    pub(super) async fn require_open(
        &self,
        conn: &mut Connection,
        user: UserId,
        session: Uuid,
    ) -> Result<(), AuthError> {
        let open = repo::is_open(conn, user, session, clock::now()).await?;
        if open { Ok(()) } else { Err(AuthError::SessionEnded) }
    }

    /// Ends one of the user's sessions.
    pub(in crate::modules::auth) async fn end_session(
        &self,
        caller: SessionHolder,
        session: Uuid,
    ) -> Result<(), AuthError> {
        let (user, now) = (caller.user_id, clock::now());
        let mut conn = self.conn().await?;
        conn.transaction(async |conn| {
            repo::lock_user(conn, user).await?.ok_or(AuthError::AccountGone)?;
            self.require_open(conn, user, caller.session_id).await?;
            if !repo::is_open(conn, user, session, now).await? {
                return Err(AuthError::NotFound);
            }
            repo::revoke_family(conn, session, now).await?;
            Ok(())
        })
        .await?;
        self.ended.add(session);
        Ok(())
    }
}

/// Judges the token and carries it out. Both locks are held until the commit: the user's, because
/// two tokens of one family may be presented at once, the token's, because one may be twice.
async fn rotate(conn: &mut Connection, hash: &[u8], now: DateTime<Utc>) -> QueryResult<Rotation> {
    if repo::lock_user_by_token(conn, hash).await?.is_none() {
        return Ok(Rotation::Refused);
    }
    let Some(token) = repo::lock_token(conn, hash).await? else {
        return Ok(Rotation::Refused);
    };
    let (user, family) = (token.user_id, token.family_id);
    match token.judge(now) {
        Verdict::Refuse => Ok(Rotation::Refused),
        Verdict::RevokeFamily => {
            repo::revoke_family(conn, family, now).await?;
            Ok(Rotation::Reused { user, family })
        }
        Verdict::Rotate => {
            repo::mark_used(conn, token.id, now).await?;
            let refresh = add_token(conn, user, family, now).await?;
            Ok(Rotation::Next { user, family, refresh })
        }
    }
}

async fn add_token(
    conn: &mut Connection,
    user_id: UserId,
    family_id: Uuid,
    now: DateTime<Utc>,
) -> QueryResult<Opaque> {
    let refresh = Opaque::generate();
    let row = NewToken {
        id: clock::new_id(),
        family_id,
        user_id,
        token_hash: refresh.hash(),
        created_at: now,
        expires_at: now + REFRESH_LIFETIME,
    };
    repo::insert_token(conn, &row).await?;
    Ok(refresh)
}
