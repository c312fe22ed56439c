//! Whose gifts somebody may look back on.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use diesel::QueryResult;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::{caller::unauthorized, credential::Credential};
use crate::{
    kernel::{email::Email, ids::UserId, problem::Problem},
    modules::auth::{error::AuthError, model::parse_stored, repo, tokens::Bearer},
    platform::postgres::Connection,
};

/// Who asks for a history: a user, in person or by an API key, or whoever has redeemed a magic
/// link (401 to the rest).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryReader(Reader);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    User(UserId),
    Link(Uuid),
}

/// What belongs to a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The gifts of this user.
    pub user: Option<UserId>,
    /// The gifts made without an account under this address, which is proven.
    pub guest: Option<Email>,
}

impl HistoryReader {
    /// # Errors
    /// [`AuthError::AccountGone`], and [`AuthError::SessionEnded`] for a link that is forgotten.
    pub async fn history(self, conn: &mut Connection) -> Result<History, AuthError> {
        match self.0 {
            Reader::User(user) => {
                let found = repo::find_address(conn, user).await?;
                let (email, proven) = found.ok_or(AuthError::AccountGone)?;
                let guest = proven.then(|| parse_stored(&email)).transpose()?;
                Ok(History { user: Some(user), guest })
            }
            Reader::Link(link) => {
                let email = repo::find_link(conn, link).await?;
                let email = email.ok_or(AuthError::SessionEnded)?;
                Ok(History { user: None, guest: Some(parse_stored(&email)?) })
            }
        }
    }
}

impl FromRequest for HistoryReader {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match Credential::of(request) {
            Ok(Credential::Token(Bearer::User { user, .. })) => Ok(Self(Reader::User(user))),
            Ok(Credential::Key { user_id, .. }) => Ok(Self(Reader::User(user_id))),
            Ok(Credential::Token(Bearer::Link(link))) => Ok(Self(Reader::Link(link))),
            Ok(Credential::None | Credential::Token(Bearer::Guest(_))) => {
                Err(unauthorized("sign in, or use a magic link"))
            }
            Err(problem) => Err(problem),
        })
    }
}

/// Whoever knows what guests have given. Magic links are mailed only to those who have.
pub trait GuestGifts: Send + Sync {
    /// Was something given under this address without an account?
    fn exist<'a>(
        &'a self,
        conn: &'a mut Connection,
        email: &'a Email,
    ) -> BoxFuture<'a, QueryResult<bool>>;
}
