//! The use cases of accounts: register, read, change. Each of the others has a file.

mod api_keys;
mod clerk;
mod ended_sessions;
mod guard;
mod mailing;
mod passwords;
mod sessions;

use std::sync::Arc;

use diesel::QueryResult;
use diesel_async::AsyncConnection;
use mailing::post_token;
use serde_json::json;
use tokio::sync::Notify;

use super::{
    error::AuthError,
    keys::SigningKeys,
    model::{Purpose, Registration, Role, User},
    password::Passwords,
    repo::{self, NewUser},
    tokens::{Bearer, GuestTokens, InvalidToken},
};
use crate::{
    kernel::{clock, email::Email, ids::UserId, version::IfMatch},
    platform::{
        audit::{self, Author, Deed},
        postgres::{Connection, Database, PooledConnection},
    },
};

pub use clerk::Clerk;
pub use ended_sessions::EndedSessions;
pub use passwords::PasswordChange;
pub use sessions::{Session, Tokens};

/// Everything about accounts and tokens; `app.rs` makes one and shares it. Cheap to clone.
#[derive(Clone)]
pub struct AuthService {
    database: Database,
    keys: SigningKeys,
    passwords: Passwords,
    ended: EndedSessions,
    /// Somebody wants mail.
    requests: Arc<Notify>,
    /// A mail was enqueued.
    mail: Arc<Notify>,
}

impl AuthService {
    /// `mail` wakes the mailer.
    pub fn new(database: Database, keys: SigningKeys, mail: Arc<Notify>) -> Self {
        let (passwords, ended) = (Passwords::default(), EndedSessions::default());
        Self { database, keys, passwords, ended, requests: Arc::default(), mail }
    }

    /// What the pledge module signs its guests' tokens with.
    pub fn guest_tokens(&self) -> GuestTokens {
        GuestTokens::new(self.keys.clone())
    }

    pub fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    pub(super) fn verify(&self, token: &str) -> Result<Bearer, InvalidToken> {
        self.keys.verify(token)
    }

    /// The sessions whose access tokens are refused.
    pub fn ended_sessions(&self) -> &EndedSessions {
        &self.ended
    }

    pub(super) async fn conn(&self) -> Result<PooledConnection, AuthError> {
        Ok(self.database.conn().await?)
    }

    /// A new account, and a mail to prove its address with.
    pub(super) async fn register(&self, who: Registration) -> Result<User, AuthError> {
        let about = who.known();
        let Registration { email, name, password } = who;
        let hash = self.passwords.hash(password.into_secret(), about).await?;
        let mut conn = self.conn().await?;
        let registered = conn.transaction(async |conn| {
            let user = insert(conn, &email, &name, &hash, Role::Donor).await?;
            post_token(conn, Purpose::VerifyEmail, Some(user.id), &email).await?;
            Ok::<_, AuthError>(user)
        });
        let user = registered.await?;
        self.mail.notify_one();
        Ok(user)
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

/// Stores a new user, without a mail, and with a row in the audit log if there is an author. No
/// connection is held while the password is hashed.
pub async fn create_user(
    database: &Database,
    passwords: &Passwords,
    who: Registration,
    role: Role,
    author: Option<&Author>,
) -> Result<User, AuthError> {
    let about = who.known();
    let hash = passwords.hash(who.password.into_secret(), about).await?;
    let mut conn = database.conn().await?;
    conn.transaction(async |conn| {
        let user = insert(conn, &who.email, &who.name, &hash, role).await?;
        if let Some(author) = author {
            record(conn, author, &user).await?;
        }
        Ok(user)
    })
    .await
}

async fn record(conn: &mut Connection, author: &Author, user: &User) -> QueryResult<()> {
    let deed = Deed {
        action: "user.create",
        target_type: "user",
        target_id: Some(&user.id.to_string()),
        before: None,
        after: Some(&json!({ "role": user.role, "version": user.version })),
    };
    audit::record(conn, author, deed).await
}

async fn insert(
    conn: &mut Connection,
    email: &Email,
    name: &str,
    hash: &str,
    role: Role,
) -> Result<User, AuthError> {
    let now = clock::now();
    let user = NewUser {
        id: UserId::generate(),
        email: email.as_str(),
        password_hash: hash,
        name,
        role,
        created_at: now,
        updated_at: now,
    };
    repo::insert_user(conn, &user).await?.ok_or(AuthError::EmailTaken)
}
