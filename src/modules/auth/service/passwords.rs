//! Changing a password, with the old one or with a mailed token.

use std::net::IpAddr;

use diesel_async::AsyncConnection;
use secrecy::SecretString;
use uuid::Uuid;

use super::{AuthService, mailing::post};
use crate::{
    kernel::{clock, ids::UserId},
    modules::auth::{
        error::AuthError,
        model::{Letter, Opaque, Password, Purpose, User, guard::Keys},
        repo,
    },
    platform::postgres::Connection,
};

/// What a session's user wants to change.
pub struct PasswordChange {
    pub user: UserId,
    /// It goes on; the others end.
    pub session: Uuid,
    pub current: SecretString,
    pub new: Password,
    pub address: IpAddr,
}

impl AuthService {
    /// Sets another password, ends the user's other sessions, and tells the user by mail. Wrong
    /// passwords are counted as those of sign-ins are.
    pub(in crate::modules::auth) async fn change_password(
        &self,
        change: PasswordChange,
    ) -> Result<(), AuthError> {
        let PasswordChange { user, session, current, new, address } = change;
        let (user, old) = {
            let mut conn = self.conn().await?;
            self.require_open(&mut conn, user, session).await?;
            repo::lock_credentials(&mut conn, user).await?.ok_or(AuthError::AccountGone)?
        };
        let keys = Keys::new(&user.address()?, address);
        self.spend_try(&keys).await?;
        if !self.passwords.verify(current, Some(old.clone())).await? {
            return Err(AuthError::InvalidCredentials);
        }
        self.give_try_back(&keys).await?;
        let hash = self.passwords.hash(new.into_secret(), user.known()).await?;
        let mut conn = self.conn().await?;
        conn.transaction(async |conn| {
            let stored = repo::lock_credentials(conn, user.id).await?;
            if stored.is_none_or(|(_, hash)| hash != old) {
                // somebody was faster; what was proven is no password any more
                return Err(AuthError::InvalidCredentials);
            }
            replace_password(conn, &user, &hash, Some(session)).await
        })
        .await?;
        self.ended.refresh(&mut conn).await;
        self.mail.notify_one();
        Ok(())
    }

    /// Sets a password with a mailed token and ends all sessions. The token proves the address as
    /// well. Had it not been proven before, the account's keys end too: whoever opened the account
    /// need not have been the address's owner.
    pub(in crate::modules::auth) async fn reset_password(
        &self,
        token: &str,
        new: Password,
        address: IpAddr,
    ) -> Result<(), AuthError> {
        let token_hash = Opaque::hash_of(token);
        let user = self.user_of_reset(&token_hash).await?;
        // hashed before the token is used up, so that a refused password can be followed by another
        let hash = self.passwords.hash(new.into_secret(), user.known()).await?;
        let mut conn = self.conn().await?;
        conn.transaction(async |conn| {
            let now = clock::now();
            let user = repo::lock_user(conn, user.id).await?.ok_or(AuthError::AccountGone)?;
            let token = repo::use_mailed(conn, Purpose::PasswordReset, &token_hash, now).await?;
            token.ok_or(AuthError::InvalidMailedToken)?;
            if repo::set_verified(conn, user.id, now).await? {
                repo::revoke_keys(conn, user.id, now).await?;
            }
            replace_password(conn, &user, &hash, None).await
        })
        .await?;
        self.ended.refresh(&mut conn).await;
        drop(conn);
        self.mail.notify_one();
        self.give_try_back(&Keys::new(&user.address()?, address)).await
    }

    async fn user_of_reset(&self, token_hash: &[u8]) -> Result<User, AuthError> {
        let mut conn = self.conn().await?;
        let owner = repo::owner_of(&mut conn, Purpose::PasswordReset, token_hash, clock::now());
        let owner = owner.await?.ok_or(AuthError::InvalidMailedToken)?;
        repo::find_user(&mut conn, owner).await?.ok_or(AuthError::AccountGone)
    }
}

/// The caller has locked the user. What was asked for with the old password in force ends with it.
async fn replace_password(
    conn: &mut Connection,
    user: &User,
    hash: &str,
    spared: Option<Uuid>,
) -> Result<(), AuthError> {
    let now = clock::now();
    repo::set_password(conn, user.id, hash, now).await?;
    repo::revoke_families_but(conn, user.id, spared, now).await?;
    repo::end_all(conn, Purpose::PasswordReset, user.id, now).await?;
    post(conn, &user.address()?, &Letter::password_changed(), now + chrono::TimeDelta::days(1))
        .await?;
    Ok(())
}
