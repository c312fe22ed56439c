//! The use cases of accounts: register, read, change. Sessions are in [`sessions`].

mod sessions;
mod suspension;

use diesel_async::AsyncConnection;

use super::{
    error::AuthError,
    keys::SigningKeys,
    model::{Registration, Role, User},
    password::Passwords,
    repo::{self, NewUser},
    tokens::{Bearer, GuestTokens, InvalidToken},
};
use crate::{
    kernel::{clock, ids::UserId, version::IfMatch},
    platform::postgres::{Database, PooledConnection},
};

pub use sessions::{Session, Tokens};
use suspension::Suspended;

/// Everything about accounts and tokens; `app.rs` makes one and shares it. Cheap to clone.
#[derive(Clone)]
pub struct AuthService {
    database: Database,
    keys: SigningKeys,
    passwords: Passwords,
    suspended: Suspended,
}

impl AuthService {
    pub fn new(database: Database, keys: SigningKeys) -> Self {
        let (passwords, suspended) = (Passwords::default(), Suspended::default());
        Self { database, keys, passwords, suspended }
    }

    /// What the pledge module signs its guests' tokens with.
    pub fn guest_tokens(&self) -> GuestTokens {
        GuestTokens::new(self.keys.clone())
    }

    pub(super) fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    pub(super) fn verify(&self, token: &str) -> Result<Bearer, InvalidToken> {
        self.keys.verify(token)
    }

    pub(super) fn is_suspended(&self, user: UserId) -> bool {
        self.suspended.contains(user)
    }

    pub(super) async fn conn(&self) -> Result<PooledConnection, AuthError> {
        Ok(self.database.conn().await?)
    }

    pub(super) async fn register(&self, who: Registration) -> Result<User, AuthError> {
        create_user(&self.database, &self.passwords, who, Role::Donor).await
    }

    pub(super) async fn me(&self, id: UserId) -> Result<User, AuthError> {
        let user = repo::find_user(&mut *self.conn().await?, id).await?;
        user.ok_or(AuthError::AccountGone)
    }

    /// Gives the user a new name, or, without one, only compares the version.
    pub(super) async fn update_me(
        &self,
        id: UserId,
        expected: IfMatch,
        name: Option<&str>,
    ) -> Result<User, AuthError> {
        let mut conn = self.conn().await?;
        conn.transaction(async |conn| {
            let user = repo::lock_user(conn, id).await?.ok_or(AuthError::AccountGone)?;
            if !expected.matches(user.version) {
                return Err(AuthError::VersionConflict { current: user.version });
            }
            match name {
                Some(name) => Ok(repo::rename_user(conn, id, name, clock::now()).await?),
                None => Ok(user),
            }
        })
        .await
    }
}

/// Stores a new user. No connection is held while the password is hashed.
pub async fn create_user(
    database: &Database,
    passwords: &Passwords,
    who: Registration,
    role: Role,
) -> Result<User, AuthError> {
    let hash = passwords.hash(who.password.into_secret()).await?;
    let now = clock::now();
    let user = NewUser {
        id: UserId::generate(),
        email: who.email.as_str(),
        password_hash: &hash,
        name: &who.name,
        role,
        created_at: now,
        updated_at: now,
    };
    let mut conn = database.conn().await?;
    repo::insert_user(&mut conn, &user).await?.ok_or(AuthError::EmailTaken)
}
