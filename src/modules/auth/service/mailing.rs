//! What is mailed: tokens to prove an address, to set a password, to see a guest's gifts.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::AsyncConnection;

use super::AuthService;
use crate::{
    kernel::{clock, email::Email, ids::UserId},
    modules::auth::{
        error::AuthError,
        model::{Letter, Opaque, Purpose},
        repo::{self, NewMailed},
    },
    platform::{
        mailer::{self, NewMail},
        postgres::Connection,
    },
};

impl AuthService {
    /// Leaves word that this address wants mail. Nothing is looked up, so that the answer takes
    /// the same time for every address; the [`Clerk`](super::Clerk) does the rest.
    pub(in crate::modules::auth) async fn request_mail(
        &self,
        purpose: Purpose,
        email: &Email,
    ) -> Result<(), AuthError> {
        let mut conn = self.conn().await?;
        repo::insert_request(&mut conn, purpose, email.as_str(), clock::now()).await?;
        self.requests.notify_one();
        Ok(())
    }

    /// The address of this token's user is proven.
    pub(in crate::modules::auth) async fn verify_email(
        &self,
        token: &str,
    ) -> Result<(), AuthError> {
        let hash = Opaque::hash_of(token);
        let mut conn = self.conn().await?;
        conn.transaction(async |conn| {
            let now = clock::now();
            let token = repo::use_mailed(conn, Purpose::VerifyEmail, &hash, now).await?;
            let Some((_, Some(user))) = token else { return Err(AuthError::InvalidMailedToken) };
            repo::set_verified(conn, user, now).await?;
            Ok(())
        })
        .await
    }

    /// The access token of a magic link, once.
    pub(in crate::modules::auth) async fn redeem_link(
        &self,
        token: &str,
    ) -> Result<String, AuthError> {
        let (hash, now) = (Opaque::hash_of(token), clock::now());
        let mut conn = self.conn().await?;
        let used = repo::use_mailed(&mut conn, Purpose::MagicLink, &hash, now).await?;
        let (link, _) = used.ok_or(AuthError::InvalidMagicLink)?;
        Ok(self.keys().issue_history(link, now))
    }
}

/// Makes a token and has it mailed, if the caller's transaction commits.
pub async fn post_token(
    conn: &mut Connection,
    purpose: Purpose,
    user: Option<UserId>,
    email: &Email,
) -> QueryResult<()> {
    let (token, now) = (Opaque::generate(), clock::now());
    let row = NewMailed {
        purpose,
        user,
        email: email.as_str(),
        token_hash: token.hash(),
        created_at: now,
    };
    repo::insert_mailed(conn, &row).await?;
    let letter = Letter::with_token(purpose, &token.reveal());
    post(conn, email, &letter, now + purpose.lifetime()).await
}

pub async fn post(
    conn: &mut Connection,
    to: &Email,
    letter: &Letter,
    useful_until: DateTime<Utc>,
) -> QueryResult<()> {
    let mail = NewMail { to, subject: letter.subject, body: &letter.body, useful_until };
    mailer::enqueue(conn, &mail).await
}
