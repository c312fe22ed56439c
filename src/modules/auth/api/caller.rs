//! Who calls: extractors that read `Authorization`.

use std::{
    future::{Future, Ready, ready},
    pin::Pin,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Data};
use uuid::Uuid;

use super::credential::Credential;
use crate::{
    kernel::{
        clock,
        ids::{ApiKeyId, PledgeId, UserId},
        problem::{Problem, ProblemCode},
    },
    modules::auth::{model::Role, repo, service::AuthService, tokens::Bearer},
};

/// Who calls. Credentials that are not in order are refused (401 `unauthorized`), on public routes
/// too: whoever sends some means to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// No credentials.
    Anonymous,
    /// Whoever made this pledge without an account.
    Guest { pledge_id: PledgeId },
    /// Somebody signed in, and their session. Whether an administrator, the database knows.
    User { user_id: UserId, session_id: Uuid },
    /// A program with an API key, on behalf of its user; never an administrator.
    Key { user_id: UserId, key_id: ApiKeyId },
}

impl Caller {
    /// The user on whose behalf this is.
    pub fn user_id(self) -> Option<UserId> {
        match self {
            Self::User { user_id, .. } | Self::Key { user_id, .. } => Some(user_id),
            Self::Anonymous | Self::Guest { .. } => None,
        }
    }

    /// The pledge that this guest may see.
    pub fn pledge_id(self) -> Option<PledgeId> {
        match self {
            Self::Guest { pledge_id } => Some(pledge_id),
            Self::Anonymous | Self::User { .. } | Self::Key { .. } => None,
        }
    }

    /// Whose idempotency keys these are: `user:<id>`, `key:<id>` or `pledge:<id>`. Nobody in
    /// particular has none; a guest's first pledge is scoped by e-mail.
    pub fn scope(self) -> Option<String> {
        match self {
            Self::Anonymous => None,
            Self::Guest { pledge_id } => Some(format!("pledge:{pledge_id}")),
            Self::User { user_id, .. } => Some(format!("user:{user_id}")),
            Self::Key { key_id, .. } => Some(format!("key:{key_id}")),
        }
    }

    /// [`Self::scope`] of somebody in particular (401 to the rest).
    pub fn required_scope(self) -> Result<String, Problem> {
        self.scope().ok_or_else(|| unauthorized("send the pledge's guest token, or sign in"))
    }

    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        match Credential::of(request)? {
            Credential::None => Ok(Self::Anonymous),
            Credential::Key { user_id, key_id } => Ok(Self::Key { user_id, key_id }),
            Credential::Token(Bearer::User { user, session }) => {
                Ok(Self::User { user_id: user, session_id: session })
            }
            Credential::Token(Bearer::Guest(pledge_id)) => Ok(Self::Guest { pledge_id }),
            Credential::Token(Bearer::Link(_)) => {
                Err(unauthorized("this token is for GET /me/pledges only"))
            }
        }
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

/// A caller with an account, in person or by an API key; guests are not (401).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedIn {
    pub user_id: UserId,
    caller: Caller,
}

impl SignedIn {
    /// The same, with how they came.
    pub fn caller(self) -> Caller {
        self.caller
    }

    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let caller = Caller::of(request)?;
        let user_id = caller.user_id().ok_or_else(|| unauthorized("sign in first"))?;
        Ok(Self { user_id, caller })
    }
}

impl FromRequest for SignedIn {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

/// An administrator in a session that has not ended, as the database says at this moment (403 to
/// other users, 401 to the rest).
///
/// It has to wait for the database, so a [`Json`](crate::platform::http::Json) beside it may be
/// refused first; a route that must refuse the caller first takes a
/// [`JsonBody`](crate::platform::http::JsonBody) and parses it in the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admin {
    pub user_id: UserId,
}

impl FromRequest for Admin {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let holder = SessionHolder::of(request);
        let known = holder.and_then(|holder| Ok((holder, service(request)?)));
        Box::pin(async move {
            let (SessionHolder { user_id, session_id }, service) = known?;
            let mut conn = service.conn().await?;
            let role = repo::find_role(&mut conn, user_id, session_id, clock::now()).await?;
            match role {
                Some(Role::Admin) => Ok(Self { user_id }),
                Some(Role::Donor) => {
                    Err(Problem::new(ProblemCode::Forbidden, "only for administrators"))
                }
                None => Err(unauthorized("the session has ended, or the account is suspended")),
            }
        })
    }
}

/// A user in person, with the session they are signed in with; an API key is not (403). For keys,
/// sessions and passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionHolder {
    pub user_id: UserId,
    pub session_id: Uuid,
}

impl SessionHolder {
    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        match Caller::of(request)? {
            Caller::User { user_id, session_id } => Ok(Self { user_id, session_id }),
            Caller::Key { .. } => {
                Err(Problem::new(ProblemCode::Forbidden, "an API key cannot do this; sign in"))
            }
            Caller::Anonymous | Caller::Guest { .. } => Err(unauthorized("sign in first")),
        }
    }
}

impl FromRequest for SessionHolder {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

pub(super) fn service(request: &HttpRequest) -> Result<Data<AuthService>, Problem> {
    request.app_data::<Data<AuthService>>().cloned().ok_or_else(|| {
        tracing::error!("the application was wired without AuthService");
        Problem::new(ProblemCode::Internal, "an unexpected error; it has been recorded")
    })
}

pub(super) fn unauthorized(detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(ProblemCode::Unauthorized, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_idempotency_keys_of_their_own() {
        let (user_id, pledge_id) = (UserId::generate(), PledgeId::generate());
        let user = Caller::User { user_id, session_id: clock::new_id() };
        assert_eq!(user.scope(), Some(format!("user:{user_id}")));
        let key_id = ApiKeyId::generate();
        let key = Caller::Key { user_id, key_id };
        assert_eq!(key.scope(), Some(format!("key:{key_id}")));
        assert_eq!(key.user_id(), Some(user_id));
        assert_eq!(Caller::Guest { pledge_id }.scope(), Some(format!("pledge:{pledge_id}")));
        assert_eq!(Caller::Anonymous.scope(), None);
    }
}
