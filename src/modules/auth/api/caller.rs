//! Who calls: extractors that read `Authorization`.

use std::{
    future::{Future, Ready, ready},
    pin::Pin,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::AUTHORIZATION, web::Data};

use crate::{
    kernel::{
        ids::{PledgeId, UserId},
        problem::{Problem, ProblemCode},
    },
    modules::auth::{
        model::Role,
        repo,
        service::AuthService,
        tokens::{Bearer, InvalidToken},
    },
};

/// Who calls. Credentials that are not in order are refused (401 `unauthorized`), on public routes
/// too: whoever sends some means to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// No credentials.
    Anonymous,
    /// Whoever made this pledge without an account.
    Guest { pledge_id: PledgeId },
    /// Somebody signed in. Whether an administrator, the database knows.
    User { user_id: UserId },
}

impl Caller {
    /// The user on whose behalf this is.
    pub fn user_id(self) -> Option<UserId> {
        match self {
            Self::User { user_id } => Some(user_id),
            Self::Anonymous | Self::Guest { .. } => None,
        }
    }

    /// The pledge that this guest may see.
    pub fn pledge_id(self) -> Option<PledgeId> {
        match self {
            Self::Guest { pledge_id } => Some(pledge_id),
            Self::Anonymous | Self::User { .. } => None,
        }
    }

    /// Whose idempotency keys these are: `user:<id>` or `pledge:<id>`. Nobody in particular has
    /// none; a guest's first pledge is scoped by e-mail.
    pub fn scope(self) -> Option<String> {
        match self {
            Self::Anonymous => None,
            Self::Guest { pledge_id } => Some(format!("pledge:{pledge_id}")),
            Self::User { user_id } => Some(format!("user:{user_id}")),
        }
    }

    /// [`Self::scope`] of somebody in particular (401 to the rest).
    pub fn required_scope(self) -> Result<String, Problem> {
        self.scope().ok_or_else(|| unauthorized("send the pledge's guest token, or sign in"))
    }

    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let mut headers = request.headers().get_all(AUTHORIZATION);
        let Some(header) = headers.next() else { return Ok(Self::Anonymous) };
        if headers.next().is_some() {
            return Err(unauthorized("send one Authorization header"));
        }
        let token = header.to_str().ok().and_then(bearer_token);
        let token = token.ok_or_else(|| unauthorized("send Authorization: Bearer <token>"))?;
        match service(request)?.verify(token) {
            Ok(Bearer::User(user_id)) if service(request)?.is_suspended(user_id) => {
                Err(unauthorized("the account is suspended"))
            }
            Ok(Bearer::User(user_id)) => Ok(Self::User { user_id }),
            Ok(Bearer::Guest(pledge_id)) => Ok(Self::Guest { pledge_id }),
            Err(error @ InvalidToken) => Err(unauthorized(error.to_string())),
        }
    }
}

/// The token after the scheme, which is written in any case (RFC 9110, section 11.1).
fn bearer_token(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

/// A caller with an account; guests are not (401).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedIn {
    pub user_id: UserId,
}

impl SignedIn {
    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let user_id = Caller::of(request)?.user_id();
        user_id.map(|user_id| Self { user_id }).ok_or_else(|| unauthorized("sign in first"))
    }
}

impl FromRequest for SignedIn {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

/// An administrator, as the database says at this moment (403 to other users, 401 to the rest).
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
        let known = SignedIn::of(request).and_then(|who| Ok((who, service(request)?)));
        Box::pin(async move {
            let (SignedIn { user_id }, service) = known?;
            let role = repo::find_role(&mut *service.conn().await?, user_id).await?;
            match role {
                Some(Role::Admin) => Ok(Self { user_id }),
                Some(Role::Donor) => {
                    Err(Problem::new(ProblemCode::Forbidden, "only for administrators"))
                }
                None => Err(unauthorized("the account no longer exists, or is suspended")),
            }
        })
    }
}

fn service(request: &HttpRequest) -> Result<Data<AuthService>, Problem> {
    request.app_data::<Data<AuthService>>().cloned().ok_or_else(|| {
        tracing::error!("the application was wired without AuthService");
        Problem::new(ProblemCode::Internal, "an unexpected error; it has been recorded")
    })
}

fn unauthorized(detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(ProblemCode::Unauthorized, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_bearer_in_any_case_and_nothing_else() {
        assert_eq!(bearer_token("Bearer abc"), Some("abc"));
        assert_eq!(bearer_token("bEARER   abc"), Some("abc"));
        for bad in ["", "abc", "Bearer", "Basic abc", "Bearerabc abc"] {
            assert_eq!(bearer_token(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn everybody_has_idempotency_keys_of_their_own() {
        let (user_id, pledge_id) = (UserId::generate(), PledgeId::generate());
        assert_eq!(Caller::User { user_id }.scope(), Some(format!("user:{user_id}")));
        assert_eq!(Caller::Guest { pledge_id }.scope(), Some(format!("pledge:{pledge_id}")));
        assert_eq!(Caller::Anonymous.scope(), None);
    }
}
