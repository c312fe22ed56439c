//! Path, query and header parameters, refused by name.

use std::{
    future::{Ready, ready},
    str::FromStr,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde::de::DeserializeOwned;

use crate::kernel::{
    page::PageError,
    problem::{Problem, ProblemCode},
    version::IfMatch,
};

/// The `{id}` of the path.
#[derive(Debug, Clone, Copy)]
pub struct PathId<T>(pub T);

impl<T: FromStr> FromRequest for PathId<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(|id| id.parse().ok()).map(PathId);
        ready(id.ok_or_else(|| Problem::field("id", "invalid", "must be a UUID")))
    }
}

/// The query string, as `T`.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let query = request.query_string();
        if let Some(pair) = query.split('&').find(|pair| pair.contains("%00")) {
            let name = pair.split('=').next().filter(|name| !name.contains("%00"));
            let name = name.unwrap_or("query");
            return ready(Err(Problem::field(name, "invalid", "must not contain U+0000")));
        }
        let parsed = actix_web::web::Query::<T>::from_query(query);
        ready(parsed.map(|q| Self(q.into_inner())).map_err(|error| {
            let message = error.to_string();
            let message = message.trim_start_matches("Query deserialize error: ").to_owned();
            Problem::field(guilty::<T>(query, &message), "invalid", message)
        }))
    }
}

/// serde's errors on query strings carry the value at best; the parameter's name is looked up: it
/// is the one without which the rest can be read, or else the one with the value.
fn guilty<T: DeserializeOwned>(query: &str, message: &str) -> String {
    let named = message.split('`').nth(1).filter(|_| message.contains("field"));
    let pairs = || query.split('&').filter_map(|pair| Some((pair, pair.split_once('=')?)));
    let alone = || {
        pairs().find_map(|(pair, (name, _))| {
            let rest: Vec<_> = query.split('&').filter(|other| *other != pair).collect();
            let readable = actix_web::web::Query::<T>::from_query(&rest.join("&")).is_ok();
            readable.then(|| name.to_owned())
        })
    };
    let by_value = || {
        pairs().find_map(|(_, (name, value))| {
            (!value.is_empty() && message.contains(value)).then(|| name.to_owned())
        })
    };
    let name = named.map(str::to_owned).or_else(alone).or_else(by_value);
    name.unwrap_or_else(|| "query".to_owned())
}

/// `If-Match`, which every PATCH needs.
#[derive(Debug, Clone, Copy)]
pub struct IfMatchHeader(pub Option<IfMatch>);

impl FromRequest for IfMatchHeader {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let header = request.headers().get("if-match").and_then(|v| v.to_str().ok());
        ready(Ok(Self(header.map(IfMatch::parse))))
    }
}

impl IfMatchHeader {
    /// # Errors
    /// 428 `precondition-required` without the header.
    pub fn required(self) -> Result<IfMatch, Problem> {
        self.0.ok_or_else(|| {
            let detail = "send If-Match with the ETag you have read";
            Problem::new(ProblemCode::PreconditionRequired, detail)
        })
    }
}

impl From<PageError> for Problem {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Limit => Problem::field("limit", "out-of-range", error.to_string()),
            PageError::Cursor => Problem::new(ProblemCode::InvalidCursor, error.to_string()),
        }
    }
}
