//! What a request carries in `Authorization`, and whose it is.
//!
//! Tokens are verified without the database, and refused once their session is known to have ended.
//! API keys are looked up by a middleware, [`identify`], before anything else of the request is
//! judged: credentials come first. An address that keeps trying keys that nobody has is not looked up
//! for any more, so that nobody searches for keys here.

use actix_web::{
    HttpMessage, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{AUTHORIZATION, HeaderMap},
    middleware::Next,
};

use super::caller::{service, unauthorized};
use crate::{
    kernel::{
        ids::{ApiKeyId, UserId},
        problem::Problem,
    },
    modules::auth::{model::KEY_PREFIX, tokens::Bearer},
    platform::{
        http::{KeyHolder, Limits},
        rate_limit::Class,
    },
};

/// Credentials that are in order.
#[derive(Debug, Clone, Copy)]
pub enum Credential {
    None,
    Token(Bearer),
    Key { user_id: UserId, key_id: ApiKeyId },
}

/// What the middleware has found out about an API key.
#[derive(Debug, Clone)]
struct Looked(Result<Credential, Problem>);

impl Credential {
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let Some(token) = token_of(request.headers())? else { return Ok(Self::None) };
        if token.starts_with(KEY_PREFIX) {
            let looked = request.extensions().get::<Looked>().cloned();
            return looked.unwrap_or_else(|| Looked(Err(unknown_key()))).0;
        }
        let auth = service(request)?;
        match auth.verify(token).map_err(|error| unauthorized(error.to_string()))? {
            Bearer::User { session, .. } if auth.ended_sessions().contains(session) => {
                Err(unauthorized("the session has ended; sign in again"))
            }
            bearer => Ok(Self::Token(bearer)),
        }
    }
}

/// Wraps the application: looks API keys up.
pub async fn identify(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let secret = token_of(request.headers()).ok().flatten();
    if let Some(secret) = secret.filter(|token| token.starts_with(KEY_PREFIX)) {
        // boxed: few requests come with a key, and all carry this middleware's state
        let looked = Box::pin(look_up(request.request(), secret)).await;
        request.extensions_mut().insert(Looked(looked));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

async fn look_up(request: &HttpRequest, secret: &str) -> Result<Credential, Problem> {
    let limits = Limits::from(request);
    limits.check(Class::UnknownKeys)?;
    let Some(found) = service(request)?.use_key(secret).await? else {
        limits.address(Class::UnknownKeys).await?;
        return Err(unknown_key());
    };
    request.extensions_mut().insert(KeyHolder(found.id.0));
    Ok(Credential::Key { user_id: found.user_id, key_id: found.id })
}

fn unknown_key() -> Problem {
    unauthorized("the API key is unknown or was revoked")
}

/// The token of the one `Authorization` header.
fn token_of(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut headers = headers.get_all(AUTHORIZATION);
    let Some(header) = headers.next() else { return Ok(None) };
    if headers.next().is_some() {
        return Err(unauthorized("send one Authorization header"));
    }
    let token = header.to_str().ok().and_then(bearer_token);
    token.map(Some).ok_or_else(|| unauthorized("send Authorization: Bearer <token>"))
}

/// The token after the scheme, which is written in any case (RFC 9110, section 11.1).
fn bearer_token(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
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
}
